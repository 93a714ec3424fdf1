import * as z from 'zod';

/** What a worker host tells the program that started it, once it takes jobs. That program need not read the log of the host. */
export const HostReady = z.object({
  /** The port of its health server. */
  healthPort: z.int().min(1).max(65_535),
});
export type HostReady = z.infer<typeof HostReady>;
