import { describeThrown } from '../../shared/errors.ts';
import { describeValue, isError, tellGiven } from './describe-value.ts';
import { hasPrivateCause, isJobError } from './job-error.ts';

/** The limits of a report: an error may have endless causes, and a stack may be of any length. */
const MAX = { links: 20, depth: 8, stack: 4_000, text: 16_000 } as const;

/** What was thrown, for the operator: for the log, the span and the dead letter. */
export interface ThrownReport {
  /** The class of the error, or what kind of value it is (`exception.type` of OpenTelemetry). */
  readonly type: string;
  /** One line: the message, those of the causes and of the members. */
  readonly summary: string;
  /** Many lines: the stack, and the stacks of the causes and of the members. */
  readonly text: string;
  /** Whether it is for the log and the span only, and not for the dead letter. */
  readonly isPrivate?: true;
}

/** One error in a tree of causes and members. */
interface Link {
  readonly error: unknown;
  readonly relation: 'thrown' | 'cause' | 'member';
}

/** Describes whatever an author's code threw. Never throws. */
export function reportOf(thrown: unknown): ThrownReport {
  const links = linksOf(thrown);
  const lines = links.map(({ error, relation }) => `${LABEL[relation]}${stackOf(error)}`);
  const summary = links.map(({ error, relation }) => `${SHORT_LABEL[relation]}${sentenceOf(error)}`);
  return {
    type: isError(thrown) ? nameOf(thrown) : describeValue(thrown),
    summary: describeThrown(summary.join('; ')),
    text: lines.join('\n').slice(0, MAX.text).toWellFormed(),
    ...(hasPrivateCause(thrown) && { isPrivate: true as const }),
  };
}

/** An error about a value that an author's code gave. Its own stack would hold no line of the author. */
export function withoutStack<E extends Error>(error: E): E {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

/** What the caller may read about it: the messages of all job errors in it; undefined if there is none. Never throws. */
export function toldOf(thrown: unknown): string | undefined {
  const told = linksOf(thrown).filter(({ error }) => isJobError(error));
  if (told.length === 0) return undefined;
  return describeThrown(told.map(({ error }) => tellGiven(error)).join('; cause: '));
}

const LABEL = { thrown: '', cause: 'caused by: ', member: 'member: ' } as const;
const SHORT_LABEL = { thrown: '', cause: 'cause: ', member: '' } as const;

/** An error, its members and its causes, each once. */
function linksOf(thrown: unknown): Link[] {
  const links: Link[] = [];
  const seen = new Set<unknown>();
  const add = (link: Link, depth: number): void => {
    if (seen.has(link.error) || links.length === MAX.links || depth === MAX.depth) return;
    seen.add(link.error);
    links.push(link);
    if (typeof link.error !== 'object' || link.error === null) return;
    for (const error of membersOf(link.error)) add({ error, relation: 'member' }, depth + 1);
    if (!isError(link.error)) return;
    const cause = read(link.error, 'cause');
    if (cause !== undefined && cause !== null) add({ error: cause, relation: 'cause' }, depth + 1);
  };
  add({ error: thrown, relation: 'thrown' }, 0);
  return links;
}

/**
 * The members of an AggregateError; the two of a SuppressedError: that of the end of a `using`, and the one before it; the error of
 * an event, as in `socket.onerror = reject`.
 */
function membersOf(error: object): unknown[] {
  const inner = read(error, 'error');
  if (nameOf(error) === 'SuppressedError') return [inner, read(error, 'suppressed')];
  return [...(isError(inner) ? [inner] : []), ...listOf(read(error, 'errors'))];
}

function listOf(errors: unknown): unknown[] {
  try {
    return Array.isArray(errors) ? Array.prototype.slice.call(errors, 0, MAX.links) : [];
  } catch {
    // The list is a proxy, or has getters that throw.
    return [];
  }
}

function sentenceOf(value: unknown): string {
  if (isError(value)) return tellGiven(value);
  if (typeof value === 'string' && value.trim() !== '') return value;
  const shown = typeof value === 'object' && value !== null ? `: ${contentOf(value)}` : '';
  return `${describeValue(value)} was thrown, which is not an Error${shown}`;
}

/** What an object holds; its message if it holds nothing that JSON shows, such as an event. */
function contentOf(value: object): string {
  const json = tellGiven(value);
  const message = json === '{}' ? read(value, 'message') : undefined;
  return typeof message === 'string' && message !== '' ? tellGiven(message) : json;
}

/** The stack of an error, which begins with its class and its message; a sentence about any other value. */
function stackOf(value: unknown): string {
  if (!isError(value)) return sentenceOf(value);
  const head = `${nameOf(value)}: ${tellGiven(value)}`;
  const stack = read(value, 'stack');
  return (typeof stack === 'string' && stack !== '' ? stack : head).slice(0, MAX.stack);
}

function nameOf(error: object): string {
  const name = read(error, 'name');
  return typeof name === 'string' && name !== '' ? name.slice(0, 100).toWellFormed() : 'Error';
}

/** A property, which may be a getter that throws. */
function read(object: object, key: string): unknown {
  try {
    return (object as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}
