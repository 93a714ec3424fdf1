import { expectTypeOf } from 'vitest';
import type {
  InputOf,
  Job,
  JobFailure,
  OperationTypes,
  RegistryOf,
  ResultOf,
  ThroughlineClient,
} from '../../client/index.ts';
import { runOperation } from '../../testing/index.ts';
import type * as operations from './operations.ts';
import { type count, type echo, greet, type resize, type silent, type vague } from './operations.ts';

/** These files run nowhere: `npm run types` fails when a type is not what they say. */

expectTypeOf<InputOf<typeof greet>>().toEqualTypeOf<{ name: string; times?: number | undefined }>();
expectTypeOf<InputOf<typeof resize>>().toEqualTypeOf<{ readonly px: number }>();
expectTypeOf<InputOf<typeof echo>>().toBeUnknown();
expectTypeOf<ResultOf<typeof greet>>().toEqualTypeOf<{ greeting: string }>();
expectTypeOf<ResultOf<typeof count>>().toEqualTypeOf<{ words: number; at: string }>();
expectTypeOf<ResultOf<typeof resize>>().toEqualTypeOf<{
  em: number;
  of: number;
  at: string;
  left?: number;
}>();
expectTypeOf<ResultOf<typeof echo>>().toBeUnknown();
expectTypeOf<ResultOf<typeof silent>>().toBeNull();
expectTypeOf<ResultOf<typeof vague>>().toBeUnknown();

declare const untyped: ThroughlineClient;
declare const id: string;

export async function byTypeof(): Promise<void> {
  const { job, replayed } = await untyped.submit<typeof greet>('greet', { name: 'Ada' }, { delay: '1h' });
  expectTypeOf(replayed).toBeBoolean();
  expectTypeOf(job.error).toEqualTypeOf<JobFailure | undefined>();
  if (job.state === 'succeeded') expectTypeOf(job.result).toEqualTypeOf<{ greeting: string }>();
  else expectTypeOf(job.result).toBeUndefined();
  // @ts-expect-error The schema wants a text.
  await untyped.submit<typeof greet>('greet', { name: 1 });
  // @ts-expect-error The operation has another name.
  await untyped.submit<typeof greet>('greet.all', { name: 'Ada' });
  // @ts-expect-error A job has no such field.
  await untyped.submit<typeof greet>('greet', { name: 'Ada' }, { dely: '1h' });

  const waited = await untyped.wait(job.id);
  if (waited.state === 'succeeded') expectTypeOf(waited.result.greeting).toBeString();
  const read = await untyped.get<typeof greet>(id, { timeoutMs: 5 });
  expectTypeOf(read.result).toEqualTypeOf<{ greeting: string } | undefined>();
  expectTypeOf((await untyped.cancel(job.id)).job).toEqualTypeOf(waited);
  expectTypeOf(await untyped.redrive(job.id)).toEqualTypeOf(waited);
  for await (const event of untyped.watch(job.id))
    if (event.kind === 'succeeded')
      expectTypeOf(event.result).toEqualTypeOf<{ greeting: string } | undefined>();

  const { results } = await untyped.submitBatch<[typeof greet, typeof count]>([
    { operation: 'greet', input: { name: 'Ada' } },
    { operation: 'text.count', input: { text: 'a b' }, tags: ['night'] },
  ]);
  const [, second] = results;
  if ('job' in second)
    expectTypeOf(second.job.result).toEqualTypeOf<{ words: number; at: string } | undefined>();
  else expectTypeOf(second.problem.code).toExtend<string>();
  const names: string[] = [];
  const many = await untyped.submitBatch<(typeof greet)[]>(
    names.map((name) => ({ operation: 'greet', input: { name } })),
  );
  for (const result of many.results) if ('job' in result) expectTypeOf(result.job).toEqualTypeOf(waited);
  // @ts-expect-error The first job is not that of the list.
  await untyped.submitBatch<[typeof greet]>([{ operation: 'text.count', input: { text: 'a b' } }]);

  await untyped.schedules.put<typeof greet>('night', {
    operation: 'greet',
    input: { name: 'Ada' },
    every: '1h',
  });
  // @ts-expect-error The schema wants a name.
  await untyped.schedules.put<typeof greet>('night', { operation: 'greet', input: {}, every: '1h' });
  expectTypeOf(await untyped.schedules.trigger<typeof greet>('night')).toEqualTypeOf(waited);
}

export async function inTests(): Promise<void> {
  const run = await runOperation(greet, { name: 'Ada' }, { maxAttempts: 1 });
  if (run.state === 'succeeded') expectTypeOf(run.result).toEqualTypeOf<{ greeting: string }>();
  else expectTypeOf(run.result).toBeUndefined();
  // @ts-expect-error The schema wants a text.
  await runOperation(greet, { name: 1 });
}

/** As `throughline types` writes it. */
interface Announced {
  readonly 'mail.send': OperationTypes<{ to: string }, { id: string } | null>;
}
type Registry = RegistryOf<typeof operations> & Announced;
declare const client: ThroughlineClient<Registry>;

export async function byRegistry(): Promise<void> {
  const { job } = await client.submit('greet', { name: 'Ada' }, { waitSeconds: 5, tags: ['a'] });
  expectTypeOf((await client.wait(job.id)).result).toEqualTypeOf<{ greeting: string } | undefined>();
  const sent = await client.submit({ operation: 'mail.send', input: { to: 'Ada' }, priority: 'high' });
  expectTypeOf(sent.job.result).toEqualTypeOf<{ id: string } | null | undefined>();
  const { results } = await client.submitBatch([
    { operation: 'greet', input: { name: 'Ada' } },
    { operation: 'mail.send', input: { to: 'Ada' } },
  ]);
  if ('job' in results[0])
    expectTypeOf(results[0].job.result).toEqualTypeOf<{ greeting: string } | undefined>();
  await client.schedules.put('night', { operation: 'mail.send', input: { to: 'Ada' }, cron: '0 6 * * *' });
  await client.list({ operation: 'image.resize', state: 'failed' });
  // A name that is not known may be said with its types.
  await client.submit<typeof greet>('greet', { name: 'Ada' });

  // @ts-expect-error No operation has this name.
  await client.submit('great', { name: 'Ada' });
  // @ts-expect-error The schema wants a text.
  await client.submit('greet', { name: 1 });
  // @ts-expect-error The schema wants a text.
  await client.submit({ operation: 'greet', input: { name: 1 } });
  // @ts-expect-error A job has no such field.
  await client.submit({ operation: 'greet', input: { name: 'Ada' }, dely: '1h' });
  await client.submitBatch([
    { operation: 'greet', input: { name: 'Ada' } },
    // @ts-expect-error It has the input of the first job.
    { operation: 'mail.send', input: { name: 'Ada' } },
  ]);
  // @ts-expect-error The schema wants another field.
  await client.schedules.put('night', { operation: 'mail.send', input: { name: 'Ada' }, every: '1h' });
  // @ts-expect-error No operation has this name.
  await client.list({ operation: 'great' });
}

export async function untypedUse(): Promise<void> {
  const { job } = await untyped.submit(
    { operation: 'any', input: new Date(), delay: '1h' },
    { waitSeconds: 5 },
  );
  expectTypeOf(job).toEqualTypeOf<Job>();
  expectTypeOf((await untyped.submit('any', 7)).job).toEqualTypeOf<Job>();
  expectTypeOf(await untyped.wait(id)).toEqualTypeOf<Job>();
  const jobs: unknown[] = [];
  const { results } = await untyped.submitBatch(jobs);
  for (const result of results) if ('job' in result) expectTypeOf(result.job).toEqualTypeOf<Job>();
  await untyped.schedules.put('night', { operation: 'any', input: null, every: '1h' });
  await untyped.list({ operation: 'any' });
  // @ts-expect-error A job has no such field.
  await untyped.submit({ operation: 'any', input: 1, dely: '1h' });
}
