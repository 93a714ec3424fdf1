import { defineOperation } from 'throughline/worker';
import { CountedInput, runCounted } from '../support/counted-run.ts';

/** Takes a given time, and stores only its end. */
export default defineOperation({
  name: 'bench.one-event',
  record: 'end',
  input: CountedInput,
  run: ({ input }) => runCounted(input),
});
