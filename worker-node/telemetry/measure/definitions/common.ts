import type { AttributeValues } from '../../../../shared/trace/metric.ts';

/** The value of an attribute for what is not among its known values. */
export const OTHER = '_OTHER';
/** How many tenants the metrics tell apart at most. */
export const MAX_TENANTS = 100;

export const OPERATION: AttributeValues = {
  bounded: `the operations of this host; \`${OTHER}\` for any other`,
};
export const TENANT: AttributeValues = {
  bounded: `only with \`METRICS_TENANTS=true\`: the first ${MAX_TENANTS}, then \`${OTHER}\``,
};
export const ERROR_TYPE: AttributeValues = {
  bounded: `an error code of Throughline, or \`${OTHER}\`; absent without an error`,
};

/** Upper bounds in seconds: those of the messaging conventions. */
export const SHORT = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Longer ones too: jobs wait and run for minutes. */
export const LONG = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400,
];
