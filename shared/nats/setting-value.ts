/** What nats-server leaves out or writes in several ways, of the settings of streams and consumers. */

export const isOff = (value: unknown): boolean => value === undefined || value === false;
export const isOn = (value: unknown): boolean => value === true;
export const isAbsent = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);
/** The server writes "no limit" as -1 or 0, or leaves it out. */
export const isUnlimited = (value: unknown): boolean => value === undefined || Number(value) <= 0;
