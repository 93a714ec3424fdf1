/** A size of a scenario: from the environment, or what a machine with two cores can bear. */
export function size(name: string, fallback: number): number {
  const given = Number(process.env[name]);
  return Number.isSafeInteger(given) && given > 0 ? given : fallback;
}
