import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from '../../../edge/telemetry/log.ts';
import { withService } from '../../../edge/telemetry/service.ts';

const span = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

function setup(level: LogLevel = 'info') {
  const lines: string[] = [];
  return { lines, log: createLogger(level, (line) => lines.push(line)) };
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

describe('a line of the edge’s log', () => {
  it('has the fields of the worker’s log, and no others', () => {
    const { lines, log } = setup();
    log.info('job published', { job_id: 'job-1' });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        service: 'throughline-edge',
        msg: 'job published',
        job_id: 'job-1',
      },
    ]);
  });

  it('has the ids of the active span, also after an await', async () => {
    const { lines, log } = setup();
    await context.with(trace.setSpanContext(ROOT_CONTEXT, span), async () => {
      log.info('one');
      await new Promise((resolve) => setImmediate(resolve));
      log.warn('two');
    });
    log.info('three');
    const ids = { trace_id: span.traceId, span_id: span.spanId };
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ ...ids }, { ...ids }, { msg: 'three' }]);
    expect(lines[2]).not.toContain('trace_id');
  });

  it('does not take the ids of another trace from its fields', () => {
    const { lines, log } = setup();
    context.with(trace.setSpanContext(ROOT_CONTEXT, span), () => log.info('it', { trace_id: 'forged' }));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ trace_id: span.traceId });
  });

  it('names the service that does the work', () => {
    const { lines, log } = setup();
    context.with(withService(ROOT_CONTEXT, 'throughline-bridge'), () => log.info('it'));
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ service: 'throughline-bridge' });
  });

  it('stays one line of printable text, whatever its values are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const hostile = `\n{"level":"error"}\r\n\u001b[2J\0\u009b2J\u2028\u202e\ufeff${text}`;
        const { lines, log } = setup();
        log.info(hostile, { [hostile]: hostile });
        expect(lines).toHaveLength(1);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
        expect(lines[0]).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', msg: hostile, [hostile]: hostile });
      }),
    );
  });

  it.each(LEVELS)('is written at %s and above', (level) => {
    const { lines, log } = setup(level);
    for (const each of LEVELS) log[each](each);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(LEVELS.slice(LEVELS.indexOf(level)));
  });
});
