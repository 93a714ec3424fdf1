import * as z from 'zod';
import { defineOperation } from '../../../worker-node/index.ts';

export const count = defineOperation({
  name: 'text.count',
  input: z.object({ text: z.string() }),
  output: z.object({ words: z.int(), at: z.date() }),
  run: ({ input, progress, log }) => {
    const words = input.text === 'not a number' ? Number.NaN : input.text.split(' ').length;
    progress({ fraction: 0.5 });
    log.info({ words }, 'counted');
    return { words, at: new Date() };
  },
});
