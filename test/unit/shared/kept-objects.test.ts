import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const HOT_CODE = fileURLToPath(new URL('../../fixtures/hot-code.mjs', import.meta.url));
const THROWN_AWAY =
  /marking dependent code .*<SharedFunctionInfo (.*)>.* for deoptimization, reason: embedded weak objects cleared/g;

/** Functions that know a kind of objects of which nothing keeps one alive: the flag always says that they are thrown away. */
const NOT_KEPT = ['Passing', 'readPassing'];

/** The functions that know a kind of objects of which a field `kept…` or `kept` keeps one alive. */
const KEPT = {
  'Place.kept (shared/text/json/json-parts.ts)': ['jsonParts', 'follow', 'takeText', 'Place'],
  'Run.kept (edge/validation/run.ts)': ['judge', '#judgeRules', '#judgeField', 'check', 'Run'],
  'JetStream.keptAck (edge/nats/jetstream/jetstream.ts)': ['read'],
  'Requests.keptAnswer (edge/nats/jetstream/requests.ts)': ['publish', 'json', 'MsgImpl'],
};

it('V8 throws no compiled code of a submit away at a garbage collection, since an object of each kind is kept', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--expose-gc', '--trace-deopt', '--no-concurrent-recompilation', '--no-warnings', HOT_CODE],
    { encoding: 'utf8', maxBuffer: 64 * 1_024 * 1_024 },
  );
  expect([status, stderr]).toEqual([0, '']);
  const thrownAway = new Set(Array.from(stdout.matchAll(THROWN_AWAY), ([, name]) => name));
  if (!NOT_KEPT.some((name) => thrownAway.has(name)))
    throw new Error(
      `V8 ${process.versions.v8} says in other words that it throws compiled code away: see what \`node --expose-gc --trace-deopt ${HOT_CODE}\` prints about ${NOT_KEPT.join(' and ')}, and change THROWN_AWAY`,
    );
  const missing = Object.entries(KEPT).flatMap(([field, names]) =>
    names.filter((name) => thrownAway.has(name)).map((name) => `${name}: ${field}`),
  );
  expect(missing).toEqual([]);
});
