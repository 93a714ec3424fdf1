/** Loaded into a worker with `--import`: messages are acknowledged before their job is run. */
import { createRequire } from 'node:module';
import path from 'node:path';

interface Message {
  ack(): void;
}

const require = createRequire(import.meta.url);
// The class is not exported; the package is CommonJS, so its file is the module that the worker uses.
const file = path.join(path.dirname(require.resolve('@nats-io/jetstream')), 'jsmsg.js');
const { JsMsgImpl } = require(file) as { JsMsgImpl: { readonly prototype: Message } };
const info = Object.getOwnPropertyDescriptor(JsMsgImpl.prototype, 'info');

Object.defineProperty(JsMsgImpl.prototype, 'info', {
  // A worker reads this early for each message.
  get(this: Message): unknown {
    this.ack();
    return info?.get?.call(this);
  },
});
