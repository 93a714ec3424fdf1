import { describe, expect, it } from 'vitest';
import { type DevFlags, devCommand, stackOptionsOf } from '../../../dev/flags.ts';
import { failureText, readyText } from '../../../dev/main.ts';

/** A value for each option that has one, other than its default. */
const VALUES: Readonly<Record<string, string>> = {
  '--port': '9001',
  '--nats-port': '9002',
  '--nats-websocket-port': '9003',
  '--otlp-port': '9004',
  '--operations': 'examples/operations',
  '--callback-allow': 'https://acme.example',
  '--persist': 'kept',
  '--cors': 'https://acme.example',
  '--edge': 'TENANT_MAX_JOBS=10',
  '--worker': 'WORKER_CONCURRENCY=1',
};
const STACK = {
  url: 'http://127.0.0.1:1',
  apiKey: 'tl_a_b',
  callbackSecret: 'whsec_x',
  nats: { url: 'nats://127.0.0.1:2', webSocketUrl: 'ws://127.0.0.1:3' },
  collector: { otlpUrl: 'http://127.0.0.1:4', tracesUrl: 'http://127.0.0.1:4/traces' },
};

const OPTIONS = devCommand().options.map(({ long }) => long ?? '');

/** What a user gets who types this. */
function effectOf(...args: readonly string[]) {
  const command = devCommand().configureOutput({ writeErr: () => undefined });
  const flags = command.parse(args, { from: 'user' }).opts<DevFlags>();
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line), isTerminal: true };
  const { onLog, onStep, ...options } = stackOptionsOf(flags, output, () => undefined);
  onLog(
    '{"time":"2026-01-02T03:04:05.678Z","level":"info","service":"throughline-worker","msg":"job ended"}',
  );
  return { options, lines, reload: flags.reload, ready: readyText(STACK, flags) };
}

describe('throughline dev', () => {
  it.each(OPTIONS)('%s changes something', (option) => {
    const value = VALUES[option];
    expect(effectOf(option, ...(value === undefined ? [] : [value]))).not.toEqual(effectOf());
  });

  it.each(OPTIONS)('refuses %s with a letter too few, and names the one that was meant', (option) => {
    expect(() => effectOf(option.slice(0, -1))).toThrow(new RegExp(`Did you mean [^?]*${option}\\b`));
  });

  it.each([
    ['--edge', 'tenant_max_jobs=1'],
    ['--worker', 'WORKER_CONCURRENCY'],
    ['--worker', '=1'],
  ])('refuses %s %s with a sentence', (option, value) => {
    expect(() => effectOf(option, value)).toThrow(/It must be a name in capitals, = and a value/);
  });

  it.each(['--operations=', '--persist='])('refuses an empty folder: %s', (option) => {
    expect(() => effectOf(option)).toThrow(/It is empty; is the variable set\?/);
  });

  it('takes --edge and --worker several times, and values with an =', () => {
    const { options } = effectOf('--edge', 'A=1', '--edge', 'B=x=y', '--worker', 'C=');
    expect(options).toMatchObject({ edge: { A: '1', B: 'x=y' }, worker: { C: '' } });
  });

  it('says each line of an error on a line of its own, without characters that command the terminal', () => {
    const error = new Error('No nats-server was found:\n  path    \u001b[31mnone\n  - install it');
    expect(failureText(error)).toBe(
      'dev: No nats-server was found:\n  path    \\x1b[31mnone\n  - install it',
    );
    expect(failureText('no error')).toBe('dev: no error');
  });

  it('keeps everything in one folder if --persist names none', () => {
    expect(effectOf('--persist').options).toMatchObject({ persistIn: '.throughline' });
  });
});
