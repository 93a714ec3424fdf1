import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CliError } from '../../../../cli/cli-error.ts';
import { jobText } from '../../../../cli/text/job-text.ts';

import { Output } from '../../../../cli/text/output.ts';
import { problemText } from '../../../../cli/text/problem-text.ts';
import { createPaint, jsonText } from '../../../../cli/text/terminal.ts';
import { ApiError } from '../../../../client/errors.ts';
import { ThroughlineError } from '../../../../shared/errors.ts';
import type { Job } from '../../../../shared/job/job.ts';
import { JOB_STATES } from '../../../../shared/job/job-state.ts';

const ESC = '\u001b';
const HOSTILE = `${ESC}[2J\u009b31m\r\u202eevil\u2028`;
const plain = createPaint(false);

const JOB: Job = {
  id: 'job-1',
  operation: 'echo',
  state: 'succeeded',
  attempt: 1,
  maxAttempts: 3,
  durability: 'stream',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.500Z',
  result: { hello: 'world' },
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  links: { self: '/v1/jobs/job-1' },
};

/** A stream that keeps what is written to it. */
class Written {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 40;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }
}

function output(options: { tty?: boolean; json?: boolean; noColor?: boolean; dumb?: boolean } = {}) {
  const { tty = false, json = false, noColor = false, dumb = false } = options;
  const stdout = new Written(tty);
  const stderr = new Written(tty);
  return { stdout, stderr, output: new Output({ stdout, stderr, json, terminal: { noColor, dumb } }) };
}

describe('JSON on stdout', () => {
  it('is the same value when it is read back, and cannot control the terminal', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 2), (value, indent) => {
        const text = jsonText(value, indent);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('is one line in a pipe', () => {
    const { output: out, stdout } = output({ json: true });
    out.job(JOB);
    expect(stdout.text).toBe(`${JSON.stringify(JOB)}\n`);
  });
});

describe('a job for a person', () => {
  it('shows id, state, trace id and result', () => {
    expect(jobText(JOB, plain).split('\n')).toEqual([
      'job        job-1',
      'operation  echo',
      'state      succeeded',
      'attempt    1 of 3',
      'took       1.5 s',
      'trace      4bf92f3577b34da6a3ce929d0e0e4736',
      'result     {"hello":"world"}',
    ]);
  });

  it('shows the result null, but no result of a job that has none', () => {
    expect(jobText({ ...JOB, result: null }, plain)).toContain('result     null');
    const { result: _, ...queued } = JOB;
    expect(jobText(queued, plain)).not.toContain('result');
  });

  it('says that a job waits for a worker host', () => {
    expect(jobText({ ...JOB, state: 'queued', served: false }, plain)).toContain(
      'waits      no worker host can run its operation now',
    );
  });

  it('escapes all text from the server', () => {
    const job: Job = {
      ...JOB,
      id: HOSTILE,
      operation: HOSTILE,
      traceId: HOSTILE,
      state: 'failed',
      error: { code: HOSTILE, message: HOSTILE },
      result: { [HOSTILE]: HOSTILE },
    };
    const running: Job = { ...job, state: 'running', progress: { fraction: 0.5, message: HOSTILE } };
    for (const text of [jobText(job, plain), jobText(running, plain)]) {
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(text).toContain('\\x1b[2J');
    }
  });

  it('is coloured only on a terminal, and never with NO_COLOR or on a dumb terminal', () => {
    for (const state of JOB_STATES) {
      const written = (options: Parameters<typeof output>[0]): string => {
        const { output: out, stdout, stderr } = output(options);
        out.job({ ...JOB, state });
        out.error(new CliError('usage-invalid', 'no'), false);
        out.warn('careful');
        return stdout.text + stderr.text;
      };
      expect(written({ tty: true })).toContain(`${ESC}[`);
      for (const options of [{}, { tty: true, noColor: true }, { tty: true, dumb: true }]) {
        expect(written(options)).not.toContain(ESC);
      }
    }
  });
});

const unreadable = (key: string): Error =>
  Object.defineProperty(new Error('odd'), key, {
    get: () => {
      throw new Error('not for you');
    },
  });

/** An error that is the cause of its cause. */
function endlessCauses(): Error {
  const error = new Error('inner');
  error.cause = new Error('odd', { cause: error });
  return error;
}

describe('an error', () => {
  it('is only a problem document with --json', () => {
    const { output: out, stdout, stderr } = output({ json: true, tty: true });
    out.warn('not said');
    out.hint('not said');
    out.error(new CliError('api-unreachable', 'away', { hint: 'look', traceId: '4bf9' }), false);
    expect(stdout.text).toBe('');
    expect(JSON.parse(stderr.text)).toEqual({
      type: 'urn:throughline:problem:api-unreachable',
      title: 'The API cannot be reached',
      code: 'api-unreachable',
      detail: 'away',
      hint: 'look',
      traceId: '4bf9',
    });
  });

  it.each([
    [new TypeError('a bug'), { code: 'internal', detail: 'a bug' }],
    [new ThroughlineError('config-invalid', 'wrong'), { code: 'config-invalid', detail: 'wrong' }],
  ])('has no HTTP status when no API answered: %o', (thrown, document) => {
    const { output: out, stderr } = output({ json: true });
    out.error(thrown, false);
    expect(JSON.parse(stderr.text)).toMatchObject(document);
    expect(JSON.parse(stderr.text)).not.toHaveProperty('status');
  });

  it.each<[string, Error]>([
    ['goes in a circle', endlessCauses()],
    ['has a stack that cannot be read', unreadable('stack')],
    ['has a cause that cannot be read', unreadable('cause')],
  ])('shows with --debug what can be shown if its cause %s', (_what, cause) => {
    const { output: own, stderr } = output();
    own.error(new Error('outer', { cause }), true);
    expect(stderr.text).toMatch(/\nError: outer\n {4}at /);
  });

  it('shows its stack only with --debug', () => {
    const thrown = new Error('outer', { cause: new Error(`inner ${HOSTILE}`) });
    const quiet = output();
    quiet.output.error(thrown, false);
    expect(quiet.stderr.text).toBe('error: something went wrong inside: outer; --debug shows where\n');
    const debug = output();
    debug.output.error(thrown, true);
    expect(debug.stderr.text).toMatch(/\n {4}at .*\ncaused by Error: inner \\x1b/s);
  });

  it('prints all that the API sent, once and escaped', () => {
    const problem = {
      code: 'input-invalid',
      detail: `the input does not fit: /a is missing ${HOSTILE}`,
      violations: [
        { path: '/a', message: 'is missing' },
        { path: '', message: `must be an object ${HOSTILE}` },
      ],
      suggestions: ['echo'],
      traceId: '4bf9',
    };
    const error = new ApiError({ status: 422, url: 'http://api.test', text: JSON.stringify(problem) });
    expect(problemText(error, plain).split('\n')).toEqual([
      'error: the input does not fit: /a is missing \\x1b[2J\\x9b31m\\r\\u{202e}evil\\u{2028} (input-invalid)',
      '  the input: must be an object \\x1b[2J\\x9b31m\\r\\u{202e}evil\\u{2028}',
      '  did you mean echo?',
      '  trace 4bf9',
    ]);
  });
});

describe('the status line', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is rewritten in its place on stderr, cut to the terminal, and removed at the end', async () => {
    const { output: out, stdout, stderr } = output({ tty: true });
    const line = await out.statusLine();
    line.show('running');
    vi.advanceTimersByTime(1_000);
    line.show('x'.repeat(100));
    line.clear();
    line.clear();
    const states = stderr.text.split(`\r${ESC}[K`);
    expect(states.at(1)).toBe('⠋ running · 0 s');
    expect(states).toContain('⠋ running · 1 s');
    expect(states.at(-2)).toBe(`⠙ ${'x'.repeat(36)}…`);
    expect(states.at(-1)).toBe('');
    expect(stderr.text).not.toContain('\n');
    expect(stdout.text).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([{}, { tty: true, json: true }, { tty: true, dumb: true }])(
    'is not written with %o',
    async (options) => {
      const { output: out, stdout, stderr } = output(options);
      const line = await out.statusLine();
      line.show('running');
      out.hint('what next');
      vi.advanceTimersByTime(1_000);
      line.clear();
      expect(stdout.text + stderr.text).toBe('');
    },
  );
});
