import type { Pattern } from '../pattern/pattern.ts';
import type { Place, Report } from '../report.ts';
import type { Run } from '../run.ts';
import type { Outline, Rule, SchemaNode } from '../schema-node.ts';
import { and, NO, perhaps, UNKNOWN, type Verdict, verdictOf, YES } from '../verdict.ts';
import { isObject, keysOf, type RuleMaker, type SchemaObject } from './rule-maker.ts';

/**
 * The rule of `properties`, `patternProperties` and `additionalProperties`. They are one rule, since the third is only for
 * fields that the first two do not name.
 */
export const fields: RuleMaker = (_argument, schema, reader) => {
  const { properties = {}, patternProperties = {}, additionalProperties = true } = schema;
  if (!isObject(properties) || !isObject(patternProperties)) return undefined;
  return new FieldsRule({
    named: new Map(Object.entries(properties).map(([name, inner]) => [name, reader.read(inner)])),
    patterned: Object.entries(patternProperties).map(([source, inner]) => ({
      pattern: reader.patterns.compile(source),
      node: reader.read(inner),
    })),
    others: additionalProperties === true ? undefined : reader.read(additionalProperties),
    isClosed: additionalProperties === false,
  });
};

interface Fields {
  readonly named: ReadonlyMap<string, SchemaNode>;
  /** A pattern that cannot be read may fit any name. */
  readonly patterned: readonly { readonly pattern: Pattern | undefined; readonly node: SchemaNode }[];
  /** For the fields that nothing else names; undefined: these may be anything. */
  readonly others: SchemaNode | undefined;
  readonly isClosed: boolean;
}

class FieldsRule implements Rule {
  readonly #fields: Fields;
  #tags: ReadonlyMap<string, SchemaNode> | undefined;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  judge(value: unknown, run: Run): Verdict {
    if (!isObject(value)) return YES;
    const tags = run.all(this.#tagNodes(), ([name, node]) =>
      Object.hasOwn(value, name) ? node.judge(value[name], run) : YES,
    );
    if (tags === NO) return NO;
    return and(
      tags,
      run.all(keysOf(value, run), (key) => this.#judgeField(key, value, run)),
    );
  }

  explain(value: unknown, place: Place, report: Report): void {
    if (!isObject(value)) return;
    for (const key of Object.keys(value)) {
      if (report.isFull) return;
      if (this.#judgeField(key, value, report.run) === NO) this.#explainField(key, value, place, report);
    }
  }

  outline(): Outline {
    return { tags: this.#tagNodes() };
  }

  /** The fields with few possible values. They are judged first: they show at once which form of a union a value does not have. */
  #tagNodes(): ReadonlyMap<string, SchemaNode> {
    this.#tags ??= new Map([...this.#fields.named].filter(([, node]) => node.outline.values !== undefined));
    return this.#tags;
  }

  #judgeField(key: string, value: SchemaObject, run: Run): Verdict {
    // JSON has this name like any other, but libraries leave it out, since it could change what an object is.
    if (key === '__proto__') return UNKNOWN;
    const named = this.#fields.named.get(key);
    let verdict = named === undefined ? YES : named.judge(value[key], run);
    let isNamed = verdictOf(named !== undefined);
    for (const { pattern, node } of this.#fields.patterned) {
      const fits = pattern === undefined ? UNKNOWN : pattern.judge(key, run.budget);
      if (verdict === NO || fits === NO) continue;
      const inner = node.judge(value[key], run);
      verdict = and(verdict, fits === YES ? inner : perhaps(inner));
      isNamed = isNamed > fits ? isNamed : fits;
    }
    const { others } = this.#fields;
    if (isNamed === YES || others === undefined || verdict === NO) return verdict;
    const other = others.judge(value[key], run);
    return and(verdict, isNamed === NO ? other : perhaps(other));
  }

  #explainField(key: string, value: SchemaObject, place: Place, report: Report): void {
    const { named, patterned, others, isClosed } = this.#fields;
    const own = named.get(key);
    const fitting = patterned.filter(({ pattern }) => pattern?.judge(key, report.run.budget) === YES);
    const nodes = [...(own === undefined ? [] : [own]), ...fitting.map(({ node }) => node)];
    const inner = [...place, key];
    for (const node of nodes) node.explain(value[key], inner, report);
    if (nodes.length > 0) return;
    if (isClosed) report.add(inner, 'is not a field that is known here');
    else others?.explain(value[key], inner, report);
  }
}
