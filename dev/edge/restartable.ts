import { findFreePort } from '../machine/free-port.ts';
import type { Edge } from './start.ts';

/** An edge that keeps its address when it is started again. */
export class RestartableEdge {
  readonly #startAt: (port: number) => Promise<Edge>;
  #edge: Edge | undefined;
  #port = 0;

  /** @param startAt starts an edge on a port */
  constructor(startAt: (port: number) => Promise<Edge>) {
    this.#startAt = startAt;
  }

  /** Whether it has been started. */
  get started(): boolean {
    return this.#edge !== undefined;
  }

  /** @param port 0: a free port */
  async start(port: number): Promise<Edge> {
    // workerd would choose a port that an outgoing connection can take while the edge is down.
    const edge = await this.#startAt(port === 0 ? await findFreePort() : port);
    this.#edge = edge;
    this.#port = Number(new URL(edge.url).port);
    return edge;
  }

  /** Ends the edge, and starts it again on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start(this.#port);
  }

  async stop(): Promise<void> {
    await this.#edge?.stop();
  }
}
