/** The worker group of a worker under test. */
export const CONFORMANCE_GROUP = 'conformance';

/** The operations that a worker under test must serve. */
export const OPERATIONS = [
  'conformance.echo',
  'conformance.fail',
  'conformance.reject',
  'conformance.retry',
  'conformance.sleep',
  'conformance.progress',
  'conformance.baggage',
  'conformance.info',
  'conformance.big',
] as const;
