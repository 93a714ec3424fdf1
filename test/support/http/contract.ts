import { type Schema, Validator } from '@cfworker/json-schema';
import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };

type Json = Readonly<Record<string, unknown>>;
type Named<T = Json> = Readonly<Record<string, T>>;

/** The parts of an OpenAPI document that the checks read. */
export interface ContractDocument {
  readonly paths: Named<Named>;
  readonly components: Named<Named>;
}

/** An answer with its whole body as text; the body is undefined for an event stream, which is not checked. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string | undefined;
}

/** One operation of the document. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly value: Json;
}

interface Media {
  readonly schema: Json;
  readonly 'x-event-data'?: Json;
}

const PROBLEM = 'application/problem+json';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The problems with which the API may answer a request that fits no operation of the document. */
const ELSEWHERE: Readonly<Record<number, string>> = {
  400: 'request-invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'route-unknown',
  405: 'method-not-allowed',
  429: 'rate-limited',
  500: 'config-invalid',
};

/** Checks answers against an OpenAPI document. Objects may only have fields that the document names. */
export class Contract {
  readonly operations: readonly Operation[];
  readonly #components: Named<Named>;
  readonly #validators = new Map<string, Validator>();

  constructor(document: ContractDocument) {
    this.#components = document.components;
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => METHODS.includes(method))
        .map(([method, value]) => ({ method: method.toUpperCase(), path, value })),
    );
  }

  /** The operation for a request. A path without parameters goes before others, whatever its methods (OpenAPI 3.1, 4.8.8.2). */
  find(method: string, url: string): Operation | undefined {
    // As an HTTP client sends it: dots are resolved, and characters are escaped.
    const path = new URL(`http://edge.example${url}`).pathname;
    const wanted = method === 'HEAD' ? 'GET' : method;
    const fitting = this.operations.filter((operation) => pathPattern(operation.path).test(path));
    const exact = fitting.filter((operation) => operation.path === path);
    return (exact.length > 0 ? exact : fitting).find((operation) => operation.method === wanted);
  }

  /**
   * Checks an answer against the document.
   * @param url path and query
   * @throws Error with all that does not fit
   */
  check(method: string, url: string, answer: Answer): void {
    const operation = this.find(method, url);
    const faults =
      operation === undefined ? this.#elsewhere(method, answer) : this.#faults(operation, method, answer);
    if (faults.length === 0) return;
    const shown = answer.body?.slice(0, 500) ?? 'a stream';
    throw new Error(`${method} ${url} answered ${answer.status}: ${faults.join('; ')}\n${shown}`);
  }

  /** Checks the data of an event of `text/event-stream` against the document. @throws Error */
  checkEvent(data: string): void {
    const faults = this.#body({ $ref: '#/components/schemas/JobEvent' }, data);
    if (faults.length > 0) throw new Error(`an event does not fit: ${faults.join('; ')}\n${data}`);
  }

  #elsewhere(method: string, { status, headers, body }: Answer): string[] {
    if (method === 'OPTIONS' && status === 204) return [];
    const code = ELSEWHERE[status];
    if (code === undefined) return ['no operation of the document is there'];
    if (status === 405 && !headers.has('allow')) return ['Allow is missing'];
    if (method === 'HEAD') return [];
    const schema = { $ref: '#/components/schemas/Problem', properties: { code: { const: code } } };
    return this.#body(schema, body ?? '');
  }

  #faults({ value }: Operation, method: string, answer: Answer): string[] {
    const listed = (value.responses as Named)[answer.status];
    if (listed === undefined) return ['the status is not in the document'];
    const { content = {}, headers = {} } = this.#resolve(listed) as {
      content?: Named<Media>;
      headers?: Named;
    };
    return [...this.#headers(headers, answer), ...this.#content(content, method, answer)];
  }

  #headers(listed: Named, { headers }: Answer): string[] {
    const names = Object.keys(this.#components.headers ?? {});
    return names.flatMap((name) => {
      const value = headers.get(name);
      const header = listed[name];
      if (header === undefined) return value === null ? [] : [`the header ${name} is not in the document`];
      const { required = false, schema } = this.#resolve(header);
      if (value === null) return required === true ? [`the header ${name} is missing`] : [];
      return this.#validate(schema as Json, value).map((fault) => `the header ${name}: ${fault}`);
    });
  }

  #content(content: Named<Media>, method: string, { headers, body }: Answer): string[] {
    if (Object.keys(content).length === 0 || method === 'HEAD') {
      return body === undefined || body === '' ? [] : ['there is a body'];
    }
    const type = (headers.get('content-type') ?? '').split(';', 1)[0]?.trim() ?? '';
    const media = content[type];
    if (media === undefined) return [`the content type ${JSON.stringify(type)} is not in the document`];
    const isJson = type === 'application/json' || type === PROBLEM;
    return isJson && body !== undefined ? this.#body(media.schema, body) : [];
  }

  #body(schema: Json, text: string): string[] {
    try {
      return this.#validate(schema, JSON.parse(text));
    } catch (thrown) {
      return [`the body is no JSON: ${String(thrown)}`];
    }
  }

  #validate(schema: Json, value: unknown): string[] {
    const key = JSON.stringify(schema);
    let validator = this.#validators.get(key);
    if (validator === undefined) {
      const whole = { ...schema, components: { schemas: closed(this.#components.schemas) } };
      validator = new Validator(whole as Schema, '2020-12', false);
      this.#validators.set(key, validator);
    }
    return validator
      .validate(value)
      .errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`);
  }

  /** The value that a reference points at; any other value as it is. */
  #resolve(value: Json): Json {
    const [, , kind = '', name = ''] = typeof value.$ref === 'string' ? value.$ref.split('/') : [];
    return this.#components[kind]?.[name] ?? value;
  }
}

/** The API's own document. */
export const contract = new Contract(openApi as unknown as ContractDocument);

/**
 * Checks an answer against the document, and gives it back unread. Of an event stream it checks only the head.
 * @throws Error with all that does not fit
 */
export async function checked(method: string, url: string, response: Response): Promise<Response> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const body = isStream ? undefined : await response.clone().text();
  contract.check(method, url, { status: response.status, headers: response.headers, body });
  return response;
}

function pathPattern(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
}

/** A schema whose objects allow only the fields that they name. The document allows more, for later versions. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, closed(part)]));
  const isOpen =
    parts.type === 'object' && parts.properties !== undefined && !('additionalProperties' in parts);
  return isOpen ? { ...parts, additionalProperties: false } : parts;
}
