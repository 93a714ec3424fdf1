import fc from 'fast-check';
import type { Operation } from '../support/http/contract.ts';
import { broken, brokenText, HOSTILE_TEXT } from './hostile-values.ts';
import { type Json, valuesOf } from './schema-values.ts';

/** One request, as it is sent. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface Document {
  readonly components: Readonly<Record<string, Json>>;
}

/** Values that the document cannot name. */
interface Knowledge {
  /** Ids that exist. */
  readonly ids: readonly string[];
  /** Operations that exist. */
  readonly operations: readonly string[];
  /** Values of `Authorization`, the good one first. */
  readonly authorizations: readonly string[];
}

const ODD_METHODS = ['PUT', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND', 'DELETE', 'POST', 'GET'];
const CONTENT_TYPES = [
  'text/plain',
  'application/xml',
  'application/json;charset=utf-16',
  '',
  'multipart/form-data',
];
/** Values of `Prefer`. None waits for more than a second, although the API allows a minute. */
const WAITS = [
  'wait=0',
  'wait=1',
  'respond-async, wait=1',
  'wait="1"',
  'wait=-1',
  'wait=x',
  'return=minimal',
];

/** Requests to the operations of a document: most are valid, some have one fault, some have several. */
export function requestsOf(
  operations: readonly Operation[],
  document: Document,
  known: Knowledge,
): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...operations.map((operation) => requestOf(operation, document, known)));
}

/** Mostly a value of the first kind, sometimes of the second. */
function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 6): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

function requestOf(operation: Operation, document: Document, known: Knowledge): fc.Arbitrary<FuzzRequest> {
  const { method, path, value } = operation;
  const parameters = ((value.parameters ?? []) as Json[]).map((parameter) => resolve(parameter, document));
  return fc
    .record({
      method: mostly(fc.constant(method), fc.constantFrom(...ODD_METHODS), 15),
      path: pathOf(path, known),
      query: queryOf(
        parameters.filter((parameter) => parameter.in === 'query'),
        document,
      ),
      headers: headersOf(
        parameters.filter((parameter) => parameter.in === 'header'),
        known,
      ),
      sent: bodyOf(value, document, known),
    })
    .map(({ method: chosen, path: place, query, headers, sent }) => ({
      method: chosen,
      url: `${place}${query}`,
      headers: { ...sent.headers, ...headers },
      body: chosen === 'HEAD' ? undefined : sent.body,
    }));
}

function resolve(value: Json, { components }: Document): Json {
  const [, , kind = '', name = ''] = typeof value.$ref === 'string' ? value.$ref.split('/') : [];
  return ((components[kind] as Record<string, Json> | undefined)?.[name] ?? value) as Json;
}

function pathOf(template: string, { ids }: Knowledge): fc.Arbitrary<string> {
  const id = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,70}$/) },
    { weight: 2, arbitrary: HOSTILE_TEXT.map((text) => encodeURIComponent(text.toWellFormed())) },
    { weight: 1, arbitrary: fc.constantFrom('..', '.', '%2e%2e', '%', '%zz', '%ff', ';', 'a%2Fb', 'batch') },
  );
  const path = id.map((one) => template.replace(/\{(?:id|name)\}/, one));
  const tail = fc.constantFrom('/', '//', '/x', '/events', '/redrive', '%00', '.json');
  return mostly(
    path,
    fc.tuple(path, tail).map(([start, end]) => start + end),
    15,
  );
}

function queryOf(parameters: readonly Json[], { components }: Document): fc.Arbitrary<string> {
  const pairs = parameters.map(({ name, schema }) => {
    const usual = valuesOf(schema as Json, components.schemas ?? {}).map(String);
    return mostly(usual, HOSTILE_TEXT, 3).map((value) => [String(name), value] as [string, string]);
  });
  const stranger = fc.tuple(
    fc.constantFrom('x', '__proto__', 'limit', 'cursor', 'after', '[]'),
    HOSTILE_TEXT,
  );
  const one =
    pairs.length === 0
      ? stranger
      : fc.oneof(...pairs.map((arbitrary) => ({ weight: 4, arbitrary })), stranger);
  return mostly(fc.array(one, { maxLength: parameters.length }), fc.array(one, { maxLength: 4 })).map(
    (all) =>
      all.length === 0
        ? ''
        : `?${all.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`).join('&')}`,
  );
}

function headersOf(parameters: readonly Json[], known: Knowledge): fc.Arbitrary<Record<string, string>> {
  const [good = '', ...others] = known.authorizations;
  const fields: Record<string, fc.Arbitrary<string>> = {
    accept: fc.constantFrom('application/json', '*/*', 'text/event-stream', 'text/html', ''),
  };
  for (const { name, schema, example } of parameters) {
    const usual = name === 'Prefer' ? fc.constantFrom(...WAITS) : valuesOf(schema as Json, {}).map(String);
    const given = typeof example === 'string' && name !== 'Prefer' ? [fc.constant(example)] : [];
    // A preference that makes the API wait for a minute is left out.
    const odd = name === 'Prefer' ? usual : HOSTILE_TEXT;
    fields[String(name)] = mostly(fc.oneof(usual, ...given), odd, 3).map(headerText);
  }
  return fc
    .tuple(mostly(fc.constant(good), fc.constantFrom(...others), 12), fc.record(fields, { requiredKeys: [] }))
    .map(([authorization, more]) => ({ ...more, ...(authorization === '' ? {} : { authorization }) }));
}

/** Characters that HTTP allows in a header; no client sends others. */
function headerText(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?').slice(0, 6_000);
}

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

function bodyOf({ requestBody }: Json, { components }: Document, known: Knowledge): fc.Arbitrary<Body> {
  const content = (requestBody as { content: Record<string, { schema: Json }> } | undefined)?.content;
  const schema = content?.['application/json']?.schema;
  if (schema === undefined) {
    const stray = fc.jsonValue().map((value) => textBody(Buffer.from(JSON.stringify(value))));
    return mostly(fc.constant({ headers: {}, body: undefined }), stray, 15);
  }
  const values = valuesOf(schema, withKnown(components.schemas ?? {}, known));
  const text = mostly(values, broken(values), 2).map((value) => JSON.stringify(value) ?? '');
  const bytes = mostly(
    text.map((one) => Buffer.from(one)),
    brokenText(text),
    8,
  );
  return fc
    .tuple(
      bytes,
      mostly(fc.constant('application/json'), fc.constantFrom(...CONTENT_TYPES), 12),
      mostly(fc.constant(''), fc.constantFrom('gzip', 'identity', 'br'), 30),
    )
    .map(([body, type, encoding]) => textBody(body, type, encoding));
}

function textBody(body: Buffer, type = 'application/json', encoding = ''): Body {
  const headers = { 'content-type': type, ...(encoding === '' ? {} : { 'content-encoding': encoding }) };
  return { headers, body };
}

/** The same schemas, but mostly with values that an existing operation accepts. */
function withKnown(schemas: Json, { operations }: Knowledge): Json {
  const often = (name: string, values: readonly string[]): Json => ({
    anyOf: [{ enum: values }, { enum: values }, { enum: values }, schemas[name]],
  });
  return {
    ...schemas,
    OperationName: often('OperationName', operations),
    Duration: often('Duration', ['500ms', '1s']),
    Delay: often('Delay', ['1ms', '2s', '2h', 'PT1S']),
    // The document does not say in its schema what a job of a batch is: each is checked on its own.
    SubmitBatch: {
      type: 'object',
      required: ['jobs'],
      properties: { jobs: { type: 'array', minItems: 1, items: { $ref: '#/components/schemas/SubmitJob' } } },
    },
  };
}
