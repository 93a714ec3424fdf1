/** Settings of the edge with which no quota and no limit of requests, waits or streams is reached. */
export const UNLIMITED = {
  TENANT_REQUESTS_PER_SECOND: '1000000',
  TENANT_MAX_JOBS: '100000000',
  TENANT_MAX_BYTES: '1099511627776',
  TENANT_MAX_STORED_BYTES: '1099511627776',
  WAITS_PER_TENANT: '100000',
  EVENT_STREAMS_PER_TENANT: '100000',
} as const;
