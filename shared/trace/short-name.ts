import { ATTR } from './semantics.ts';

/**
 * The name of a span for people, in a line that has little room: `process echo` for
 * `process jobs.{priority}.{lane}.{tenant}.{jobId}.echo`. Other names stay as they are.
 */
export function shortName({
  name,
  attributes,
}: {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}): string {
  const operation = attributes[ATTR.operationName];
  const template = attributes[ATTR.destinationTemplate];
  if (typeof operation !== 'string' || typeof template !== 'string' || name !== `${operation} ${template}`)
    return name;
  const root = template.split('.', 1)[0] ?? '';
  const job = template.replace(/^.*\}\.?/, '');
  if (job === '') return `${operation} ${root}`;
  return root === 'dead' ? `${operation} dead ${job}` : `${operation} ${job}`;
}
