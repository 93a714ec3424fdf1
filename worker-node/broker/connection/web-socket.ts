import type { WsSocketFactory } from '@nats-io/nats-core';

/** How long the other side may take to say that it closes too. */
const CLOSE_MS = 1_000;

/**
 * A WebSocket that is closed soon, also if the other side does not answer any more. The client (nats-core 3.4.0) waits for the end of a
 * WebSocket before it connects again, and before its own `close` is done. Node waits for the other side for as long as TCP does.
 */
class SoonClosed extends WebSocket {
  /** The client waits until this is 0 before it closes. A WebSocket that is closed still sends the rest by itself. */
  override get bufferedAmount(): number {
    return 0;
  }

  override close(code?: number, reason?: string): void {
    super.close(code, reason);
    if (this.readyState === WebSocket.CLOSED) return;
    const late = setTimeout(() => this.dispatchEvent(new CloseEvent('close')), CLOSE_MS);
    this.addEventListener('close', () => clearTimeout(late), { once: true });
  }
}

/** The option of a connection that opens its WebSockets. */
export const wsFactory: WsSocketFactory = async (url) => ({
  socket: new SoonClosed(url),
  encrypted: url.startsWith('wss:'),
});
