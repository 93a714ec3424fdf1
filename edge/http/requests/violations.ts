import { distance } from '../../../shared/text/distance.ts';
import * as z from 'zod';
import type { Violation } from '../../../shared/errors.ts';
import { jsonPointer } from '../../../shared/text/json/json-pointer.ts';
import { shortened } from '../../../shared/text/shortened.ts';

const MAX_VIOLATIONS = 10;
/** The caller decides how long the names of unknown fields are. */
const MAX_NAME_LENGTH = 60;

/**
 * An error map of zod. For unknown fields, the message is the list of the fields that the object has: {@link violationsOf} needs
 * them, and only here does zod give the schema of the object.
 */
export function knownFields({ code, inst }: z.core.$ZodRawIssue): string | undefined {
  if (code !== 'unrecognized_keys') return undefined;
  return inst instanceof z.ZodObject ? Object.keys(inst.shape).join(' ') : '';
}

/** One sentence for each place that is wrong: the first one. @param issues found with {@link knownFields} as error map */
export function violationsOf(issues: readonly z.core.$ZodIssue[]): Violation[] {
  const messages = new Map<string, string>();
  const isUnknown = ({ code }: z.core.$ZodIssue): boolean => code === 'unrecognized_keys';
  // An unknown field is often why another one is missing.
  for (const issue of [...issues.filter(isUnknown), ...issues]) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    for (const name of names.slice(0, MAX_VIOLATIONS)) {
      const short = name === undefined ? undefined : shortened(name, MAX_NAME_LENGTH);
      const path = jsonPointer(short === undefined ? issue.path : [...issue.path, short]);
      const message = short === undefined ? issue.message : unknownField(short, issue.message.split(' '));
      if (!messages.has(path)) messages.set(path, message);
    }
  }
  return [...messages].slice(0, MAX_VIOLATIONS).map(([path, message]) => ({ path, message }));
}

/** The message for an unknown field. A known field may be meant if at most a third of its letters differ, whatever their case. */
function unknownField(name: string, known: readonly string[]): string {
  // Some programs write a list in a query as `tag[]` or `tag[0]`.
  const written = name.toLowerCase().replace(/\[.*/, '');
  const [nearest] = known
    .map((one) => ({ one, steps: distance(written, one.toLowerCase()) }))
    .filter(({ one, steps }) => steps <= one.length / 3)
    .toSorted((a, b) => a.steps - b.steps);
  const hint = nearest === undefined ? '' : ` (did you mean ${nearest.one}?)`;
  return `there is no field ${JSON.stringify(name)} here${hint}`;
}
