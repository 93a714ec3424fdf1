/** The package `@throughline/dev`: all of Throughline on one machine, for `throughline dev` and for tests. */
export { type LocalNats, startLocalNats } from './local-nats.ts';
export { main } from './main.ts';
export { type Stack, startStack } from './stack.ts';
export { FREE_PORTS, type StackOptions } from './stack-options.ts';
