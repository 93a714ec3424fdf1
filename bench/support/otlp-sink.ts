import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('otlp-sink-process.ts', import.meta.url));

/** What a sink got so far. */
interface SinkFigures {
  readonly requests: number;
  readonly bytes: number;
  readonly spans: number;
}

/** A collector of OTLP/HTTP in a process of its own. It counts the spans in JSON and throws them away. */
export interface OtlpSink {
  /** The value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly figures: () => Promise<SinkFigures>;
  readonly stop: () => void;
}

/** Starts a sink on a free port. It ends with this process. */
export async function startOtlpSink(): Promise<OtlpSink> {
  const child = fork(PROGRAM);
  const [{ url }] = (await once(child, 'message')) as [{ readonly url: string }];
  const figures = async (): Promise<SinkFigures> =>
    (await (await fetch(`${url}/figures`)).json()) as SinkFigures;
  return { url, figures, stop: () => child.kill('SIGKILL') };
}
