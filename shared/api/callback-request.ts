import * as z from 'zod';
import { CALLBACK_ENDS, isCallbackUrl } from '../wire/callback.ts';

/** Whom to tell of a job's end. Whether the target may be reached is for the worker to say, which resolves its name. */
export const CallbackRequest = z.strictObject({
  url: z
    .string()
    .refine(
      isCallbackUrl,
      'must be an absolute http or https URL in ASCII, without user name, password and fragment, at most 2,048 characters',
    ),
  events: z
    .array(z.enum(CALLBACK_ENDS, `must be one of ${CALLBACK_ENDS.join(', ')}`))
    .min(1, 'must name one at least')
    .refine((events) => new Set(events).size === events.length, 'must not name one twice')
    .optional(),
});
