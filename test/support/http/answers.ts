import * as z from 'zod';
import { AcceptedResult, BatchReport, type BatchResult } from '../../../shared/api/answers/batch-report.ts';
import { BridgeStatus } from '../../../shared/api/answers/health.ts';
import type { Job } from '../../../shared/job/job.ts';

/** The body of an answer. @throws ZodError if it is another one than the schema says */
export async function bodyOf<Schema extends z.ZodType>(
  schema: Schema,
  response: Response | Promise<Response>,
): Promise<z.infer<Schema>> {
  return schema.parse(await (await response).json());
}

/** The results of a batch, in the order of its jobs. */
export async function resultsOf(response: Response): Promise<BatchResult[]> {
  return (await bodyOf(BatchReport, response)).results;
}

/** The jobs of a batch, each of which was accepted. @throws ZodError if one was refused */
export async function acceptedIn(response: Response): Promise<readonly Job[]> {
  return (await resultsOf(response)).map((result) => AcceptedResult.parse(result).job);
}

const WithBridges = z.object({ bridges: z.array(BridgeStatus) });

/** The bridges that `/readyz` of an edge shows, whether it is ready or not. */
export async function bridgesOf(
  { url }: { readonly url: string },
  init: RequestInit = {},
): Promise<readonly BridgeStatus[]> {
  return (await bodyOf(WithBridges, fetch(`${url}/readyz`, init))).bridges;
}
