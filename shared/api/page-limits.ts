/** How many jobs a page may hold, and how many it holds by default. */
export const JOB_LIST_LIMITS = { page: 100, defaultPage: 50 } as const;

/** How many jobs one request cancels. */
export const CANCEL_LIMIT = 100;

/** How many dead letters one page holds, or one request redrives. */
export const DEAD_LETTER_LIMITS = { page: 100, defaultPage: 20 } as const;

/** The most events of a job, and as many of its callback, that one answer holds. */
export const EVENTS_PAGE_LIMIT = 250;

/** The most jobs of the outbox that one answer holds. */
export const OUTBOX_LIST_LIMIT = 100;
