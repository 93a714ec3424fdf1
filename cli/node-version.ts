/**
 * The oldest Node that runs the command line and a worker. main.ts asks before it loads anything else, so this file imports
 * nothing, and uses nothing that an older Node lacks.
 */
const OLDEST_NODE = '22.18.0';

/** The same as `EXIT.settings`, whose module an older Node may not load. */
export const EXIT_NODE_TOO_OLD = 78;

/**
 * Why this Node cannot run the program.
 * @param version as in `process.versions.node`
 * @returns a sentence, or undefined if it can
 */
export function nodeProblem(version: string): string | undefined {
  if (isAtLeast(version, OLDEST_NODE)) return undefined;
  return `throughline needs Node ${OLDEST_NODE} or newer, and this is Node ${version}. Install a newer one, for example from https://nodejs.org.`;
}

function isAtLeast(version: string, oldest: string): boolean {
  const [numbers, limits] = [version, oldest].map((text) =>
    text.split('.').map((part) => Number.parseInt(part, 10)),
  );
  for (const [place, limit] of (limits ?? []).entries()) {
    const number = numbers?.[place] ?? 0;
    if (number !== limit) return number > limit;
  }
  return true;
}
