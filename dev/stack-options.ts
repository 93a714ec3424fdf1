import type { EdgeOptions } from './edge/start.ts';
import type { NatsServer } from './nats-server/start.ts';

/** Ports on 127.0.0.1; 0: a free port. */
interface StackPorts {
  readonly http: number;
  readonly nats: number;
  readonly natsWebSocket: number;
  readonly otlp: number;
}

/** Each part takes a free port. */
export const FREE_PORTS: StackPorts = { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 };

/** How to start a stack. */
export interface StackOptions {
  readonly ports: StackPorts;
  readonly operationsFolder?: string | undefined;
  /** Also prints spans on stderr. */
  readonly debug?: boolean;
  /** More settings for the edge. */
  readonly edge?: Readonly<Record<string, string>>;
  /** More settings for each worker. */
  readonly worker?: Readonly<Record<string, string>>;
  /** Limits the requests of each tenant. */
  readonly rateLimit?: EdgeOptions['rateLimit'];
  /** The folder for the storage of the edge's Durable Objects; undefined: in memory, lost when the edge stops. */
  readonly storageDir?: string | undefined;
  /**
   * The folder that keeps everything for the next start: streams, the storage of the edge unless `storageDir` names another
   * folder, and the secrets. undefined: nothing is kept.
   */
  readonly persistIn?: string | undefined;
  /** false: nothing is traced. */
  readonly tracing?: boolean;
  /** The Worker's bundle; undefined: it is built. */
  readonly bundle?: EdgeOptions['bundle'] | undefined;
  /** The nats-server program; undefined: it is found or fetched. */
  readonly natsServerPath?: string | undefined;
  /** A nats-server that runs already. The stack does not stop it. `edge` and `worker` must hold the credentials for it. */
  readonly nats?: NatsServer;
  /** More configuration for nats-server, in its own language. */
  readonly natsConfig?: string;
  /** Opens an inspector of the edge. */
  readonly inspect?: boolean;
  /** Called with each log line of the edge and the workers. */
  readonly onLog: (line: string) => void;
  /** Called with one sentence for each step. */
  readonly onStep: (sentence: string) => void;
}
