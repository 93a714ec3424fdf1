import { defineOperation, JobError, reject, retryAfter } from 'throughline/worker';
import * as z from 'zod';

/**
 * Reads a web page and gives its title. The caller chooses the page, also one inside your network. So say which hosts it may
 * be on, before you give a key to anyone else.
 */
export const pageTitle = defineOperation({
  name: 'page.title',
  description: 'Reads a web page and gives its title.',
  input: z.object({ url: z.url({ protocol: /^https?$/ }) }),
  output: z.object({ title: z.string(), bytes: z.number() }),
  timeout: '20s',
  maxAttempts: 4,
  run: async ({ input, signal, progress, log }) => {
    // The request is a child span, and carries `traceparent`. `signal` aborts it at the deadline and when the job is cancelled.
    const response = await fetch(input.url, { signal });
    progress({ fraction: 0.5, message: `answered ${response.status}` });
    if (response.status === 429 || response.status === 503)
      return retryAfter(5_000, `the page answered ${response.status}`);
    if (response.status >= 500) throw new JobError(`the page answered ${response.status}`);
    if (!response.ok) return reject(`the page answered ${response.status}`);
    const text = await response.text();
    const title = /<title[^>]*>([^<]*)/i.exec(text)?.[1]?.trim();
    if (title === undefined) return reject('the page has no title');
    log.info({ bytes: text.length }, 'page read');
    return { title, bytes: text.length };
  },
});

export default pageTitle;
