import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Option } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';
import { type Leaf, leaves, look, OTHER_API, SCENARIOS, type Seen } from '../../support/cli/flags.ts';

const BATCH = join(await scratchFolder(), 'jobs.jsonl');
beforeAll(async () => {
  await writeFile(BATCH, '{"operation":"echo","input":1}\n{"operation":"echo","input":2}\n');
});

/**
 * What a user may type without the option in question, for each command. `setup` and `dev` are not here: they start or
 * change something outside, so test/e2e/nats/setup-flags.test.ts and test/unit/dev/main.test.ts look at them.
 */
const BASES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  submit: [['echo', '1'], ['--batch', BATCH], []],
  get: [['job-1']],
  list: [[]],
  watch: [['slow-1']],
  cancel: [['job-1']],
  trace: [['job-1']],
  'dead-letters list': [[]],
  'dead-letters show': [['job-1']],
  'dead-letters redrive': [['job-1'], ['--all'], []],
  'outbox list': [[]],
  'outbox retry': [['job-1']],
  worker: [[]],
  'keys create': [['ci', '--tenant', 'acme'], ['ci']],
  'keys hash': [[]],
  'callbacks secret': [[]],
};

/** What a user may type as the value of an option. Empty: the option has none. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--json': [],
  '--debug': [],
  '--url': [OTHER_API],
  '--api-key': ['tl_ci_0123456789012345678901'],
  '--wait': ['7'],
  '--batch': [BATCH],
  '--baggage': ['user=ada'],
  '--idempotency-key': ['once'],
  '--delay': ['90s'],
  '--callback': ['https://acme.example/hook'],
  '--timeout': ['1ms'],
  '--max-attempts': ['2'],
  '--state': ['failed'],
  '--operation': ['image.thumbnail'],
  '--reason': ['operation-timeout'],
  '--limit': ['7'],
  '--cursor': ['c1'],
  '--all': [],
  '--events': [],
  '--traces-url': [`${OTHER_API}/traces`],
  '--tenant': ['acme'],
  '--scope': ['jobs:read'],
};

const LEAVES = leaves().filter(({ name }) => name in BASES);

const memory = new Map<string, Promise<Seen[]>>();

/** What each scenario shows of a command with these arguments. */
function seen({ name }: Leaf, base: readonly string[], ...options: readonly Option[]): Promise<Seen[]> {
  const args = [...name.split(' '), ...base, ...options.flatMap(typed)];
  const key = args.join(' ');
  const before = memory.get(key);
  if (before !== undefined) return before;
  const looking = (async () => {
    const all: Seen[] = [];
    // One after the other, because both replace the global fetch.
    for (const scenario of SCENARIOS) all.push(await look(args, scenario));
    return all;
  })();
  memory.set(key, looking);
  return looking;
}

function typed({ long }: Option): string[] {
  const name = long ?? '';
  const values = VALUES[name];
  if (values === undefined) throw new Error(`${name} is new: say what a user may give to it in VALUES`);
  return [name, ...values];
}

const isRefused = (results: readonly Seen[]): boolean => results.every(({ code }) => code === 2);
const text = (results: readonly Seen[]): string => JSON.stringify(results);

function missingIn(base: readonly string[], { options }: Leaf): Option[] {
  return options.filter(({ long }) => !base.includes(long ?? ''));
}

it('every command is looked at', () => {
  expect(
    leaves()
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...Object.keys(BASES), 'dev', 'setup'].sort());
});

describe.each(LEAVES)('$name', (leaf) => {
  const bases = BASES[leaf.name] ?? [];

  it.each(leaf.options.map((option) => [option.long ?? '', option] as const))(
    '%s changes something',
    async (_, option) => {
      const changes: boolean[] = [];
      for (const base of bases.filter((args) => missingIn(args, leaf).includes(option))) {
        const [without, given] = [await seen(leaf, base), await seen(leaf, base, option)];
        changes.push(text(given) !== text(without) && (!isRefused(given) || isRefused(without)));
      }
      expect(changes).toContain(true);
    },
  );

  it('uses every two of its options, or refuses them before anything is sent', async () => {
    const ignored: string[] = [];
    for (const base of bases) {
      for (const [one, other] of pairsOf(missingIn(base, leaf))) {
        const [both, onlyOne, onlyOther] = [
          await seen(leaf, base, one, other),
          await seen(leaf, base, one),
          await seen(leaf, base, other),
        ];
        // The settings of the worker in this test are refused.
        if (isRefused(both) && leaf.name !== 'worker') {
          expect(both.flatMap(({ requests }) => requests)).toEqual([]);
          continue;
        }
        const command = `${leaf.name} ${base.join(' ')} ${one.long} ${other.long}`;
        if (text(both) === text(onlyOne)) ignored.push(`${command}: ${other.long} has no effect`);
        if (text(both) === text(onlyOther)) ignored.push(`${command}: ${one.long} has no effect`);
      }
    }
    expect(ignored).toEqual([]);
  });

  it('refuses an option that it does not know, and names the one that was meant', async () => {
    const [base = []] = bases;
    for (const { long } of leaf.options) {
      for (const typo of typosOf(long ?? '')) {
        const [{ code, stderr, requests } = expect.fail()] = await seen(leaf, [...base, typo]);
        expect({ code, requests }).toEqual({ code: 2, requests: [] });
        expect(stderr).toMatch(new RegExp(`unknown option '${typo}'\\n.*Did you mean [^?]*${long}\\b`));
      }
    }
  });

  it('takes the same options before its name, or refuses those that it does not have', async () => {
    const [base = []] = bases;
    const names = new Set(leaf.options.map(({ long }) => long));
    for (const name of ['--url', '--api-key', '--json', '--debug']) {
      const outer = [name, ...(VALUES[name] ?? [])];
      for (const scenario of ['works', 'fails'] as const) {
        const before = await look([...outer, ...leaf.name.split(' '), ...base], scenario);
        if (names.has(name))
          expect(before).toEqual(await look([...leaf.name.split(' '), ...base, ...outer], scenario));
        else
          expect(before).toMatchObject({
            code: 2,
            requests: [],
            stderr: expect.stringContaining(`${name} has no meaning`),
          });
      }
    }
  });
});

it('`dev` takes its options after its name only', async () => {
  for (const outer of [['--json'], ['--debug'], ['--url', OTHER_API]]) {
    const { code, stderr } = await look([...outer, 'dev'], 'works');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('has no meaning for dev') });
  }
});

function pairsOf(options: readonly Option[]): [Option, Option][] {
  return options.flatMap((one, index) =>
    options.slice(index + 1).map((other): [Option, Option] => [one, other]),
  );
}

/** The option with a letter too few, and with two letters in the wrong order. */
function typosOf(long: string): string[] {
  const [end, middle] = [long.length - 1, Math.floor(long.length / 2) + 1];
  const swapped =
    long.slice(0, middle - 1) + long.charAt(middle) + long.charAt(middle - 1) + long.slice(middle + 1);
  return [long.slice(0, end), swapped].filter((typo) => typo !== long);
}
