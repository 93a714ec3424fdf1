import { startTimer, type Timer } from '../../shared/timers.ts';

/** A connection, and the server that it leads to. */
export interface Dialled<Connection> {
  readonly server: string;
  readonly connection: Connection;
}

/** How {@link dialInTurn} opens connections. */
export interface Dialling<Connection> {
  readonly dial: (server: string) => Promise<Connection>;
  /** Closes a connection that opened after another one. */
  readonly close: (connection: Connection) => void;
  /** When a server is silent for this many milliseconds, the next one is tried beside it. */
  readonly patienceMs: number;
}

/**
 * Opens a connection to the first server that answers. The servers are tried in turn. A server that fails or stays
 * silent does not hold up the next one for long (as in RFC 8305, "Happy Eyeballs").
 * @throws what the last of them failed with, once all have failed
 */
export function dialInTurn<Connection>(
  servers: readonly string[],
  { dial, close, patienceMs }: Dialling<Connection>,
): Promise<Dialled<Connection>> {
  const { promise, resolve, reject } = Promise.withResolvers<Dialled<Connection>>();
  const waiting = [...servers];
  let open = servers.length;
  let isDone = false;
  let timer: Timer | undefined;
  const tryNext = (): void => {
    timer?.stop();
    const server = isDone ? undefined : waiting.shift();
    if (server === undefined) return;
    if (waiting.length > 0) timer = startTimer(patienceMs, tryNext);
    dial(server).then(
      (connection) => {
        if (isDone) return close(connection);
        isDone = true;
        timer?.stop();
        resolve({ server, connection });
      },
      (reason: unknown) => {
        open--;
        if (open === 0) reject(reason);
        tryNext();
      },
    );
  };
  tryNext();
  return promise;
}
