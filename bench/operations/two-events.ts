import { defineOperation } from 'throughline/worker';
import { CountedInput, runCounted } from '../support/counted-run.ts';

/** Takes a given time. */
export default defineOperation({
  name: 'bench.two-events',
  input: CountedInput,
  run: ({ input }) => runCounted(input),
});
