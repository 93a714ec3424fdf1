import * as z from 'zod';
import { defineOperation } from '../operation.ts';

/** Gives its input back: for trying out, and for checking that the whole path works. */
export const echo = defineOperation({
  name: 'echo',
  description: 'Gives its input back.',
  input: z.unknown(),
  timeout: '10s',
  run: ({ input }) => input,
});
