import { describe, expect, it } from 'vitest';
import { type DevFlags, devCommand, readyText, stackOptionsOf } from '../../../dev/main.ts';

/** A value for each option that has one, other than its default. */
const VALUES: Readonly<Record<string, string>> = {
  '--port': '9001',
  '--nats-port': '9002',
  '--nats-websocket-port': '9003',
  '--otlp-port': '9004',
  '--operations': 'examples/operations',
  '--callback-allow': 'https://acme.example',
};
const STACK = {
  ...{ url: 'http://127.0.0.1:1', apiKey: 'tl_a_b', callbackSecret: 'whsec_x' },
  nats: { url: 'nats://127.0.0.1:2', webSocketUrl: 'ws://127.0.0.1:3' },
  collector: { otlpUrl: 'http://127.0.0.1:4', tracesUrl: 'http://127.0.0.1:4/traces' },
};

const OPTIONS = devCommand().options.map(({ long }) => long ?? '');

/** What a user gets who types this. */
function effectOf(...args: readonly string[]): unknown {
  const command = devCommand().configureOutput({ writeErr: () => undefined });
  const flags = command.parse(args, { from: 'user' }).opts<DevFlags>();
  const { onLog, onStep, ...options } = stackOptionsOf(flags);
  return { options, ready: readyText(STACK, flags) };
}

describe('throughline dev', () => {
  it.each(OPTIONS)('%s changes something', (option) => {
    const value = VALUES[option];
    expect(effectOf(option, ...(value === undefined ? [] : [value]))).not.toEqual(effectOf());
  });

  it.each(OPTIONS)('refuses %s with a letter too few, and names the one that was meant', (option) => {
    expect(() => effectOf(option.slice(0, -1))).toThrow(new RegExp(`Did you mean [^?]*${option}\\b`));
  });
});
