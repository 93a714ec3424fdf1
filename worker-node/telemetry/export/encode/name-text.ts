import { describeThrown } from '../../../../shared/errors.ts';

/** What should be a name as a text: an author may have given anything. Never throws. */
export function nameText(name: unknown): string {
  return typeof name === 'string' ? name : describeThrown(name);
}
