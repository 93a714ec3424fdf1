import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const LOG = new URL('../../../worker-node/log.ts', import.meta.url).href;
const resolved = (name: string): string => JSON.stringify(import.meta.resolve(name));

/** Runs a program that has a logger `log` and an active span `span`, and returns the lines that it logs. */
function linesOf(body: string, level = 'info'): Record<string, unknown>[] {
  const program = `
    import { context, trace } from ${resolved('@opentelemetry/api')};
    import { AsyncLocalStorageContextManager } from ${resolved('@opentelemetry/context-async-hooks')};
    import { createLogger } from ${JSON.stringify(LOG)};
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const span = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };
    const inSpan = (work) => context.with(trace.setSpanContext(context.active(), span), work);
    const log = createLogger('throughline-worker', '${level}');
    ${body}`;
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line));
}

describe('a line of the worker’s log', () => {
  it('has the same fields as a line of the edge’s log', () => {
    const [line] = linesOf("log.info({ job_id: 'job-1' }, 'job started');");
    expect(line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'throughline-worker',
      job_id: 'job-1',
      msg: 'job started',
    });
  });

  it('has the ids of the active span, also after an await', () => {
    const ids = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' };
    const lines = linesOf(`
      await inSpan(async () => {
        log.info('one');
        await new Promise((resolve) => setImmediate(resolve));
        log.warn({ a: 1 }, 'two');
      });
      log.info('three');`);
    expect(lines).toMatchObject([{ msg: 'one', ...ids }, { msg: 'two', a: 1, ...ids }, { msg: 'three' }]);
    expect(lines[2]).not.toHaveProperty('trace_id');
  });

  it('has the ids of the span in whose work it is logged: in timers, events, streams and callbacks', () => {
    const lines = linesOf(`
      import { EventEmitter, once } from 'node:events';
      import { Readable, Transform } from 'node:stream';
      import { pipeline } from 'node:stream/promises';
      import { MessageChannel, Worker } from 'node:worker_threads';
      await inSpan(async () => {
        await new Promise((resolve) => setTimeout(() => resolve(log.info('timer')), 1));
        await new Promise((resolve) => setImmediate(() => resolve(log.info('immediate'))));
        await new Promise((resolve) => process.nextTick(() => resolve(log.info('tick'))));
        await new Promise((resolve) => queueMicrotask(() => resolve(log.info('microtask'))));
        const emitter = new EventEmitter();
        emitter.on('it', () => log.info('event'));
        setTimeout(() => emitter.emit('it'), 1);
        await once(emitter, 'it');
        const through = new Transform({
          objectMode: true,
          transform: (chunk, encoding, done) => { log.info('stream'); done(null, chunk); },
        });
        await pipeline(Readable.from([1]), through, async function* (source) {
          for await (const chunk of source) { log.info('reader'); yield chunk; }
        }, async (source) => { for await (const chunk of source); });
        const worker = new Worker('import("node:worker_threads").then(({ parentPort }) => parentPort.postMessage(1))', { eval: true });
        await once(worker, 'message');
        log.info('thread');
        await worker.terminate();
      });
      log.info('outside');`);
    const ids = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' };
    const inside = ['timer', 'immediate', 'tick', 'microtask', 'event', 'stream', 'reader', 'thread'];
    expect(lines.slice(0, -1)).toMatchObject(inside.map((msg) => ({ msg, ...ids })));
    expect(lines.at(-1)).not.toHaveProperty('trace_id');
  });

  it('does not take the ids of another trace from its fields', () => {
    const [line] = linesOf("inSpan(() => log.info({ trace_id: 'forged' }, 'it'));");
    expect(line).toMatchObject({ trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' });
  });

  it('has no ids if the active span has none', () => {
    const [line] = linesOf("trace.getTracer('none').startActiveSpan('work', () => log.info('one'));");
    expect(line).not.toHaveProperty('trace_id');
    expect(line).not.toHaveProperty('span_id');
  });

  it('stays one line of text, whatever it says', () => {
    const hostile = 'a\u2028\u009b\n{"level":"error","msg":"forged"}\r\u001b[2J';
    const body = `const it = ${JSON.stringify(hostile)}; log.info({ it }, it);`;
    expect(linesOf(body)).toMatchObject([{ it: hostile, msg: hostile }]);
  });

  it('is written if its level is high enough', () => {
    const all = "for (const level of ['debug', 'info', 'warn', 'error']) log[level](level);";
    expect(linesOf(all, 'warn').map(({ level }) => level)).toEqual(['warn', 'error']);
  });
});
