import { type RegistryOf, ThroughlineClient } from 'throughline/client';
import type * as operations from './operations/greet.ts';
import type { greet } from './operations/greet.ts';

const options = { url: 'https://jobs.example', apiKey: 'tl_…' };

/** One operation: its type says what it takes and gives. */
export async function greetOnce(): Promise<string | undefined> {
  const client = new ThroughlineClient(options);
  const { job } = await client.submit<typeof greet>('greet', { name: 'Ada' }, { delay: '5m' });
  const ended = await client.wait(job.id);
  return ended.state === 'succeeded' ? ended.result.greeting : ended.error?.message;
}

/** Many operations: names complete, and each has its own input and result. */
export async function greetMany(): Promise<number> {
  const client = new ThroughlineClient<RegistryOf<typeof operations>>(options);
  const { results } = await client.submitBatch([
    { operation: 'greet', input: { name: 'Ada' } },
    { operation: 'greet', input: { name: 'Grace' }, priority: 'high' },
  ]);
  await client.schedules.put('daily', { operation: 'greet', input: { name: 'Ada' }, cron: '0 6 * * *' });
  return results.filter((result) => 'job' in result).length;
}
