import { hostEnvironment } from './machine/environment.ts';
import { locateNatsServer } from './nats-binary/locate.ts';
import { startNatsServer } from './nats-server/start.ts';

/** A nats-server with JetStream and an empty store, on 127.0.0.1. */
export interface LocalNats {
  readonly url: string;
  /** Ends the server, and removes its store. */
  readonly stop: () => Promise<void>;
}

/**
 * Finds or fetches a nats-server, and starts it. It ends with this process.
 * @param log takes each line of progress of a fetch
 * @throws an Error that says what was tried
 */
export async function startLocalNats(log: (line: string) => void): Promise<LocalNats> {
  const { path } = await locateNatsServer({ environment: hostEnvironment(), log });
  const server = await startNatsServer({ binary: path });
  return { url: server.url, stop: () => server.stop() };
}
