import * as z from 'zod';
import { OperationAnnouncement } from '../operation.ts';
import { Pause } from '../pause.ts';

/** How much of an operation's schema the edge checks before it accepts a job. The worker checks all of it. */
const EDGE_CHECKS = ['whole', 'parts', 'nothing'] as const;

/** An operation in the list, with what is known about the hosts that serve it. */
export const ListedOperation = OperationAnnouncement.omit({
  inputCheck: true,
  inputCheckIsWhole: true,
}).extend({
  edgeChecks: z.enum(EDGE_CHECKS),
  /** How many worker hosts can run it now; absent while that is not known. */
  hosts: z.int().min(0).optional(),
  /** When the first of these hosts started. */
  since: z.iso.datetime().optional(),
  /** Hosts do not start its jobs; absent if they do. */
  paused: Pause.optional(),
});
export type ListedOperation = z.infer<typeof ListedOperation>;

/** The operations that were announced, sorted by name. */
export const OperationList = z.object({ operations: z.array(ListedOperation) });
export type OperationList = z.infer<typeof OperationList>;
