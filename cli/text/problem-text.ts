import { ApiError } from '../../client/errors.ts';
import { ERRORS, errorFrom } from '../../shared/error-table.ts';
import { describeThrown, ThroughlineError, type Violation } from '../../shared/errors.ts';
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import { CliError } from '../cli-error.ts';
import type { Paint } from './terminal.ts';

/** The error that ended a command, as a problem document (RFC 9457). If the API sent one, it is that one. */
export function problemDocument(thrown: unknown): Readonly<Record<string, unknown>> {
  if (thrown instanceof ApiError) return thrown.problem;
  if (thrown instanceof CliError) {
    const { code, title, message, hint, traceId } = thrown;
    return { type: typeOf(code), title, code, detail: message, hint, traceId };
  }
  const { code, message } = errorFrom(thrown);
  const detail = thrown instanceof ThroughlineError ? message : describeThrown(thrown);
  // It has no `status`, because there was no HTTP answer.
  return { type: typeOf(code), title: ERRORS[code].title, code, detail };
}

const typeOf = (code: string): string => `urn:throughline:problem:${code}`;

/**
 * The error that ended a command, for a person: what is wrong, where, and what may help.
 * @param program this program, with the options by which it asks the same API again
 */
export function problemText(thrown: unknown, paint: Paint, program = 'throughline'): string {
  const details = detailsOf(thrown, program).map((line) => `  ${safeLines(line)}`);
  return [`${paint.red('error:')} ${safeLines(messageOf(thrown))}`, ...details].join('\n');
}

function messageOf(thrown: unknown): string {
  if (thrown instanceof CliError) return thrown.message;
  if (thrown instanceof ThroughlineError) return `${thrown.message.replace(LISTED_BY, '')} (${thrown.code})`;
  return `something went wrong inside: ${describeThrown(thrown)}; --debug shows where`;
}

function detailsOf(thrown: unknown, program: string): string[] {
  if (thrown instanceof CliError)
    return [...traceLine(thrown.traceId), ...(thrown.hint ? [thrown.hint] : [])];
  if (!(thrown instanceof ThroughlineError)) return [];
  const said = (text: string): boolean => thrown.message.includes(text);
  const traceId = thrown instanceof ApiError ? thrown.problem.traceId : undefined;
  return [
    ...thrown.violations.filter(({ message }) => !said(message)).map(violationLine),
    ...(thrown.suggestions.some(said) || thrown.suggestions.length === 0
      ? []
      : [`did you mean ${thrown.suggestions.join(' or ')}?`]),
    ...hintOf(thrown, program),
    ...traceLine(traceId),
  ];
}

/** The commands that list the same as a route of the API. */
const LIST_COMMANDS: Readonly<Record<string, string>> = {
  '/v1/jobs': 'list',
  '/v1/schedules': 'schedules list',
  '/v1/dead-letters': 'dead-letters list',
  '/v1/operations': 'operations',
  '/v1/outbox': 'outbox list',
};

/** The end of an error of the API about something that is not there: such a route, which lists what there is. */
const LISTED_BY = new RegExp(`; (?:see )?GET (${Object.keys(LIST_COMMANDS).join('|')})(?: [^;]*)?$`);

/** What helps with an error, if a command or an option does. */
function hintOf(thrown: ThroughlineError, program: string): string[] {
  const { code, message } = thrown;
  const [, route = ''] = LISTED_BY.exec(message) ?? [];
  const list = LIST_COMMANDS[route];
  if (list !== undefined) return [`\`${program} ${list}\` lists what there is`];
  if (code === 'unauthenticated') return ['set THROUGHLINE_API_KEY, or use --api-key'];
  // The API has this code too, for the NATS of the edge.
  if (message.startsWith('cannot connect to NATS') && !(thrown instanceof ApiError))
    return [
      'NATS_URL, NATS_USER and NATS_PASSWORD say where NATS is and who asks; `throughline dev` prints its NATS_URL',
    ];
  return [];
}

function violationLine({ path, message }: Violation): string {
  return `${path === '' ? 'the input' : path}: ${message}`;
}

function traceLine(traceId: unknown): string[] {
  return typeof traceId === 'string' && traceId !== '' ? [`trace ${traceId}`] : [];
}

/** Escapes each line of a text. Commander puts its suggestions on a second line. */
function safeLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n  ');
}
