import { html } from 'hono/html';
import { code, type Html, inline, joined, prose, table } from './markup.ts';
import {
  type Answer,
  type ByName,
  errorCodesOf,
  type Media,
  type OpenApiDocument,
  type Operation,
  type Parameter,
  resolve,
} from './openapi-document.ts';
import { schemaText } from './schema-text.ts';

/** Headers that every request to `/v1` may have. The documentation page shows them once, at its top. */
const TRACE_HEADERS = ['traceparent', 'tracestate', 'baggage'];
/** Headers of all answers, which the documentation page does not repeat for each answer. */
const COMMON_HEADERS = ['traceresponse', 'RateLimit-Policy'];

/** An operation with its HTTP method and its path. */
export interface PlacedOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

type Components = OpenApiDocument['components'];

/** Shows an operation with its parameters, its body, its answers and its errors. */
export function operationCard({ method, path, operation }: PlacedOperation, components: Components): Html {
  const { operationId: id, summary, description, security, requestBody, responses } = operation;
  const scopes = security.flatMap(({ bearer }) => bearer.map(code));
  const access = scopes.length === 0 ? 'Open to all.' : html`Needs the scope ${joined(scopes, ' and ')}.`;
  return html`<article id="${id}" aria-labelledby="${id}-name">
<h3 id="${id}-name"><span class="method ${method}">${method.toUpperCase()}</span> <code class="path">${path}</code></h3>
<p><strong>${summary}.</strong> ${access}</p>
${description === undefined ? '' : prose(description)}${ownParameters(operation, components)}${requestBody && body(requestBody.content)}${answers(
  Object.entries(responses).map(([status, answer]) => [status, resolve(answer, components.responses)]),
)}</article>
`;
}

/** Shows the headers that every request to `/v1` may have. */
export function traceParameters({ parameters }: Components): Html {
  return parameterTable(TRACE_HEADERS.flatMap((name) => parameters[name] ?? []));
}

function ownParameters({ parameters = [] }: Operation, components: Components): Html | '' {
  const own = parameters
    .map((parameter) => resolve(parameter, components.parameters))
    .filter(({ name }) => !TRACE_HEADERS.includes(name));
  return own.length === 0 ? '' : html`<h4>Parameters</h4>\n${parameterTable(own)}`;
}

function parameterTable(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(
    ({ name, in: place, schema, description }) =>
      html`<tr><th scope="row">${code(name)}</th><td class="dim">${place}</td><td>${inline(description)} <span class="dim">${schemaText(schema)}</span></td></tr>\n`,
  );
  return html`${table(rows)}\n`;
}

function body(content: ByName<Media>): Html {
  return html`<h4>Body</h4>\n${mediaList(content)}`;
}

function answers(all: readonly (readonly [status: string, answer: Answer])[]): Html {
  const rows = all
    .filter(([, answer]) => errorCodesOf(answer).length === 0)
    .map(
      ([status, { description, headers = {}, content = {} }]) =>
        html`<tr><th scope="row">${status}</th><td>${inline(description)}${headerText(headers)}${mediaList(content)}</td></tr>\n`,
    );
  const errors = all
    .flatMap(([, answer]) => errorCodesOf(answer))
    .map((errorCode) => html`<a href="#${errorCode}">${errorCode}</a> `);
  return html`<h4>Answers</h4>\n${table(rows)}\n<h4>Errors</h4>\n<p class="codes">${errors}</p>\n`;
}

function headerText(headers: ByName<unknown>): Html | '' {
  const names = Object.keys(headers).filter((name) => !COMMON_HEADERS.includes(name));
  if (names.length === 0) return '';
  return html` <span class="dim">Headers: ${joined(names.map(code), ', ')}.</span>`;
}

function mediaList(content: ByName<Media>): readonly Html[] {
  return Object.entries(content).map(([type, media]) => mediaText(type, media));
}

function mediaText(type: string, { schema, examples = {}, 'x-event-data': event }: Media): Html {
  const shown =
    event === undefined ? schemaText(schema) : html`each <code>data:</code> line is a ${schemaText(event)}`;
  const details = Object.entries(examples).map(
    ([name, { value }]) =>
      html`<details><summary>Example: ${name}</summary>\n<pre tabindex="0">${exampleText(value)}</pre></details>\n`,
  );
  return html`\n<div>${code(type)}: ${shown}</div>\n${details}`;
}

function exampleText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
}
