import { deadLetterDescriptions } from '../routes/dead-letters.description.ts';
import { documentDescriptions } from '../routes/documents.description.ts';
import { healthDescriptions } from '../routes/health.description.ts';
import { jobDescriptions } from '../routes/jobs.description.ts';
import { operationDescriptions } from '../routes/operations.description.ts';
import { outboxDescriptions } from '../routes/outbox.description.ts';
import type { RouteDescription } from './route-description.ts';

/** Every route of the API, in the order in which the document lists them. Only its build and the tests read them. */
export const DESCRIPTIONS: readonly RouteDescription[] = [
  ...jobDescriptions,
  ...deadLetterDescriptions,
  ...outboxDescriptions,
  ...operationDescriptions,
  ...healthDescriptions,
  ...documentDescriptions,
];
