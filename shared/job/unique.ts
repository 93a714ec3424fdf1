/** How long a job stands for later jobs with the same unique key: until it starts, or until it ends. */
export const UNIQUE_WHILE = ['queued', 'running'] as const;
export type UniqueWhile = (typeof UNIQUE_WHILE)[number];
