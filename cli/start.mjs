#!/usr/bin/env node
/**
 * Starts the program from its sources. It is plain JavaScript, because a Node that is too old for TypeScript must still be able
 * to say so. `node-version.ts` says the same to a Node that runs TypeScript and is too old for something else.
 */
const OLDEST_NODE = '22.18.0';
/** The same as `EXIT.settings`: another start would end the same way. */
const NODE_TOO_OLD = 78;

try {
  await import('./main.ts');
} catch (thrown) {
  if (thrown.code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw thrown;
  const { node } = process.versions;
  process.stderr.write(
    isOld(node)
      ? `throughline needs Node ${OLDEST_NODE} or newer, and this is Node ${node}. Install a newer one, for example from https://nodejs.org.\n`
      : `throughline needs a Node that reads TypeScript, and a flag forbids that to this one: take --no-strip-types and --no-experimental-strip-types out of NODE_OPTIONS.\n`,
  );
  process.exitCode = NODE_TOO_OLD;
}

/** @param {string} version */
function isOld(version) {
  const [major, minor] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
