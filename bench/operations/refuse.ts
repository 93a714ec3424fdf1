import { defineOperation, reject } from 'throughline/worker';
import * as z from 'zod';

/** Fails at once and for good, so that the job is a dead letter. */
export default defineOperation({
  name: 'bench.refuse',
  input: z.null(),
  run: () => reject('on purpose'),
});
