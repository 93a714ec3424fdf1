import type { RouteDescription } from '../openapi/route-description.ts';
import { deadLetterDescriptions } from './dead-letters.description.ts';
import { documentDescriptions } from './documents.description.ts';
import { healthDescriptions } from './health.description.ts';
import { jobDescriptions } from './jobs.description.ts';
import { operationDescriptions } from './operations.description.ts';
import { outboxDescriptions } from './outbox.description.ts';

/** Every route of the API, in the order in which the document lists them. Only its build and the tests read them. */
export const DESCRIPTIONS: readonly RouteDescription[] = [
  ...jobDescriptions,
  ...deadLetterDescriptions,
  ...outboxDescriptions,
  ...operationDescriptions,
  ...healthDescriptions,
  ...documentDescriptions,
];
