import { Readable } from 'node:stream';
import type { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { Host } from '../../../cli/host.ts';
import { createProgram } from '../../../cli/program.ts';

/** A command that runs something, and the options that it has. */
export interface Leaf {
  /** Its name after `throughline`, such as `keys create`. */
  readonly name: string;
  readonly options: readonly Option[];
}

const silent = { write: () => undefined };
const PROGRAM = await createProgram(
  new Host({ environment: {}, stdin: Readable.from([]), stdout: silent, stderr: silent }),
);

/** Every command without commands of its own, as the program defines them. */
export function leaves(): Leaf[] {
  const walk = (command: Command, path: readonly string[]): Leaf[] =>
    command.commands.length === 0
      ? [{ name: path.join(' '), options: command.options }]
      : command.commands.flatMap((child) => walk(child, [...path, child.name()]));
  return walk(PROGRAM, []);
}

/** All that can be seen of a run: what it printed, how it ended, and what it sent, as far as a test can see that. */
export interface Seen {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly requests?: readonly unknown[];
}

/** How the options of commands are looked at. */
export interface OptionRules {
  /** What a user may type without the option in question, for each command. The first one is complete. */
  readonly bases: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** What a user may type as the value of an option. Empty: the option has none. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** What may be the case when a command runs. `misused`: one option too many was typed. */
  readonly scenarios: readonly string[];
  /** Runs a command. Two runs with the same arguments look the same. */
  readonly look: (args: readonly string[], scenario: string) => Promise<Seen>;
  /** Commands that are refused in every scenario, because their settings are. */
  readonly refused?: readonly string[];
  /** Options whose only effect here is a refusal. */
  readonly refusing?: readonly string[];
}

/** The options that may stand before the name of a command. */
const OUTER = ['--url', '--api-key', '--json', '--debug'];

/**
 * Tests the options of each command in `bases`. Each option has an effect. Each pair works together or is refused. A
 * misspelt option is refused, and the error names the right one.
 */
export function describeOptions(rules: OptionRules): void {
  const found = leaves().filter(({ name }) => name in rules.bases);
  it('the commands of this test exist', () => {
    expect(found.map(({ name }) => name).sort()).toEqual(Object.keys(rules.bases).sort());
  });
  describe.each(found)('$name', (leaf) => describeLeaf(new LeafRuns(leaf, rules), rules));
}

function describeLeaf(runs: LeafRuns, rules: OptionRules): void {
  const { leaf, bases } = runs;

  it.each(leaf.options.map((option) => [option.long ?? '', option] as const))(
    '%s changes something',
    async (long, option) => {
      const mayBeRefused = rules.refusing?.includes(long) ?? false;
      const changes: boolean[] = [];
      for (const base of bases.filter((args) => runs.missingIn(args).includes(option))) {
        const without = await runs.seen(base);
        const given = await runs.seen(base, option);
        const isUsed = mayBeRefused || !isRefused(given) || isRefused(without);
        changes.push(isUsed && textOf(given) !== textOf(without));
      }
      expect(changes).toContain(true);
    },
  );

  it.each(leaf.options.map((option) => [option.long ?? '', option] as const))(
    'uses %s together with each other option, or refuses the two before anything is sent',
    async (_, one) => {
      const after = leaf.options.slice(leaf.options.indexOf(one) + 1);
      const ignored: string[] = [];
      for (const base of bases) {
        const missing = runs.missingIn(base);
        for (const other of missing.includes(one) ? missing.filter((option) => after.includes(option)) : [])
          ignored.push(...(await runs.ignoredOf(base, one, other)));
      }
      expect(ignored).toEqual([]);
    },
  );

  it('refuses an option that it does not know, and names the one that was meant', async () => {
    for (const { long } of leaf.options) {
      for (const typo of typosOf(long ?? '')) {
        const { code, stderr, requests = [] } = await runs.look([...runs.complete, typo]);
        expect({ code, requests }).toEqual({ code: 2, requests: [] });
        expect(stderr).toMatch(new RegExp(`unknown option '${typo}'\\n.*Did you mean [^?]*${long}\\b`));
      }
    }
  });

  it('takes the same options before its name, or refuses those that it does not have', async () => {
    const names = new Set(leaf.options.map(({ long }) => long));
    for (const name of OUTER) {
      const outer = [name, ...(rules.values[name] ?? [])];
      for (const scenario of rules.scenarios.filter((any) => any !== 'misused')) {
        const before = await rules.look([...outer, ...runs.complete], scenario);
        if (names.has(name)) expect(before).toEqual(await rules.look([...runs.complete, ...outer], scenario));
        else {
          expect(before.code).toBe(2);
          expect(before.requests ?? []).toEqual([]);
          expect(before.stderr).toContain(`${name} has no meaning`);
        }
      }
    }
  });
}

/** The runs of one command, each made once. */
class LeafRuns {
  readonly leaf: Leaf;
  readonly bases: readonly (readonly string[])[];
  readonly #rules: OptionRules;
  readonly #memory = new Map<string, Promise<Seen>>();

  constructor(leaf: Leaf, rules: OptionRules) {
    this.leaf = leaf;
    this.bases = rules.bases[leaf.name] ?? [];
    this.#rules = rules;
  }

  /** What a user types who leaves out every option that may be left out. */
  get complete(): string[] {
    return [...this.leaf.name.split(' '), ...(this.bases[0] ?? [])];
  }

  /** A run that ends before anything is sent. */
  look(args: readonly string[]): Promise<Seen> {
    return this.#rules.look(args, this.#rules.scenarios[0] ?? '');
  }

  /** What each scenario shows of the command with these options. One after the other: a run may replace what belongs to the process. */
  async seen(base: readonly string[], ...options: readonly Option[]): Promise<Seen[]> {
    const all: Seen[] = [];
    for (const scenario of this.#rules.scenarios) all.push(await this.#seenIn(scenario, base, options));
    return all;
  }

  #seenIn(scenario: string, base: readonly string[], options: readonly Option[]): Promise<Seen> {
    const args = [...this.leaf.name.split(' '), ...base, ...options.flatMap((option) => this.#typed(option))];
    const key = JSON.stringify([scenario, ...args]);
    const known = this.#memory.get(key) ?? this.#rules.look(args, scenario);
    this.#memory.set(key, known);
    return known;
  }

  /** A sentence for each of two options that has no effect beside the other one, although both are taken. */
  async ignoredOf(base: readonly string[], one: Option, other: Option): Promise<string[]> {
    if (await this.#showAtOnce(base, one, other)) return [];
    const both = await this.seen(base, one, other);
    if (isRefused(both) && !this.#rules.refused?.includes(this.leaf.name)) {
      expect(both.flatMap(({ requests = [] }) => requests)).toEqual([]);
      return [];
    }
    const command = `${this.leaf.name} ${base.join(' ')} ${one.long} ${other.long}`;
    const alone = [
      [other, await this.seen(base, one)],
      [one, await this.seen(base, other)],
    ] as const;
    return alone
      .filter(([, seen]) => textOf(seen) === textOf(both))
      .map(([{ long }]) => `${command}: ${long} has no effect`);
  }

  missingIn(base: readonly string[]): Option[] {
    return this.leaf.options.filter(({ long }) => !base.includes(long ?? ''));
  }

  /** Whether the first scenario alone shows that both options are used. It does for most of them, and saves the others. */
  async #showAtOnce(base: readonly string[], one: Option, other: Option): Promise<boolean> {
    const [scenario = ''] = this.#rules.scenarios;
    const both = await this.#seenIn(scenario, base, [one, other]);
    if (both.code === 2) return false;
    const alone = [await this.#seenIn(scenario, base, [one]), await this.#seenIn(scenario, base, [other])];
    return alone.every((seen) => textOf([seen]) !== textOf([both]));
  }

  #typed({ long }: Option): string[] {
    const name = long ?? '';
    const values = this.#rules.values[name];
    if (values === undefined) throw new Error(`${name} is new: say in the test what a user may give to it`);
    return [name, ...values];
  }
}

const isRefused = (results: readonly Seen[]): boolean => results.every(({ code }) => code === 2);
const textOf = (results: readonly Seen[]): string => JSON.stringify(results);

/** The option with a letter too few, and with two letters in the wrong order. */
function typosOf(long: string): string[] {
  const middle = Math.floor(long.length / 2) + 1;
  const swapped =
    long.slice(0, middle - 1) + long.charAt(middle) + long.charAt(middle - 1) + long.slice(middle + 1);
  return [long.slice(0, -1), swapped].filter((typo) => typo !== long);
}
