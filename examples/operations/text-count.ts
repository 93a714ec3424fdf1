import { defineOperation } from 'throughline/worker';
import * as z from 'zod';

export default defineOperation({
  name: 'text.count',
  description: 'Counts the words of a text.',
  input: z.object({ text: z.string().max(100_000) }),
  output: z.object({ words: z.int(), longest: z.string() }),
  timeout: '10s',
  maxAttempts: 3,
  run: ({ input, progress, log }) => {
    const words = input.text.split(/\s+/).filter((word) => word !== '');
    progress({ fraction: 0.5, message: `${words.length} words found` });
    const longest = words.reduce((best, word) => (word.length > best.length ? word : best), '');
    log.info({ words: words.length }, 'text counted');
    return { words: words.length, longest };
  },
});
