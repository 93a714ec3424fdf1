import { defineOperation } from 'throughline/worker';
import * as z from 'zod';

/** Does nothing, and stores only its end. */
export default defineOperation({
  name: 'bench.noop',
  record: 'end',
  input: z.unknown(),
  run: () => null,
});
