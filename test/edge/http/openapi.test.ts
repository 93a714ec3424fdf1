import { type Schema, Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { METHOD_NAME_ALL } from 'hono/router';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { createApp } from '../../../edge/http/app.ts';
import { DESCRIPTIONS } from '../../../edge/http/descriptions/descriptions.ts';
import { openApiDocument } from '../../../edge/http/openapi/document.ts';
import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import { refOf } from '../../../edge/http/openapi/schemas.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { OperationName } from '../../../shared/api/operation.ts';
import { SubmitJob, Timeout } from '../../../shared/api/submit-job.ts';
import { ERRORS } from '../../../shared/errors.ts';
import { setup } from './app-support.ts';

type Json = Record<string, unknown>;

const operations = Object.entries<Record<string, Json>>(openApi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, value]) => ({ method, path, value })),
);

/** Everything in the document that has this key, with where it stands. */
function* findAll(key: string, value: unknown = openApi, place = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (key in value) yield [place, value as Json];
  for (const [name, part] of Object.entries(value)) yield* findAll(key, part, `${place}/${name}`);
}

function resolve(reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((value, name) => (value as Json | undefined)?.[name], openApi);
}

function validatorOf(schema: Json): Validator {
  return new Validator({ ...schema, components: openApi.components } as Schema, '2020-12', false);
}

describe('the document', () => {
  it('is what the descriptions say now (npm run openapi writes it)', () => {
    const made = JSON.stringify(openApiDocument(DESCRIPTIONS, manifest.version));
    expect(JSON.parse(made)).toEqual(openApi);
    expect(JSON.stringify(openApi)).toBe(made);
  });

  it('has an operation for each route of the app, and no other', () => {
    const routes = createApp()
      .routes.filter(({ method }) => method !== METHOD_NAME_ALL)
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = DESCRIPTIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(described.toSorted()).toEqual([...new Set(routes)].sort());
  });

  it('names each operation once, and declares each part of its path', () => {
    const ids = operations.map(({ value }) => value.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, value } of operations) {
      const parameters = ((value.parameters ?? []) as Json[]).map((parameter) =>
        typeof parameter.$ref === 'string' ? (resolve(parameter.$ref) as Json) : parameter,
      );
      const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
      expect(named).toEqual(path.match(/\{\w+\}/g) ?? []);
    }
  });

  it('points at nothing that is not there, and has no component that nothing points at', () => {
    const references = [...findAll('$ref')].map(([, { $ref }]) => String($ref));
    for (const reference of references) expect(resolve(reference), reference).toBeDefined();
    for (const kind of ['schemas', 'responses', 'parameters', 'headers'] as const) {
      for (const name of Object.keys(openApi.components[kind])) {
        expect(references).toContain(`#/components/${kind}/${name}`);
      }
    }
  });

  it('shows only examples that fit their schemas', () => {
    const shown = [...findAll('examples')].filter(([, { schema }]) => schema !== undefined);
    expect(shown.length).toBeGreaterThan(10);
    for (const [place, { schema, examples }] of shown) {
      for (const [name, { value }] of Object.entries(examples as Record<string, { value: unknown }>)) {
        expect(validatorOf(schema as Json).validate(value).errors, `${place}/${name}`).toEqual([]);
      }
    }
    for (const [place, { schema, example }] of findAll('example')) {
      expect(validatorOf(schema as Json).validate(example).errors, place).toEqual([]);
    }
  });

  it('gives each error code the status that it has', () => {
    for (const [name, response] of Object.entries<Json>(openApi.components.responses)) {
      const users = operations.flatMap(({ value }) =>
        Object.entries(value.responses as Record<string, Json>)
          .filter(([, { $ref }]) => $ref === `#/components/responses/${name}`)
          .map(([status]) => Number(status)),
      );
      const [[, { enum: codes }] = ['', {} as Json]] = findAll('enum', response);
      for (const code of codes as (keyof typeof ERRORS)[]) {
        expect(new Set(users)).toEqual(new Set([ERRORS[code].status]));
      }
    }
  });

  it.each<[string, z.ZodType, (text: string) => unknown]>([
    ['OperationName', OperationName, (text) => text],
    ['Duration', Timeout, (text) => text],
    ['SubmitJob', SubmitJob, (text) => ({ operation: text, input: 1 })],
    ['SubmitJob', SubmitJob, (text) => ({ operation: 'echo', input: 1, delay: text })],
    ['SubmitJob', SubmitJob, (text) => ({ operation: 'echo', [text]: 1 })],
  ])('refuses nothing that the route takes (%s)', (_, schema, make) => {
    const validator = validatorOf(refOf(schema));
    const text = fc.oneof(
      fc.stringMatching(/^[a-z0-9.]{0,6}$/),
      fc.stringMatching(/^[0-9]{1,3}(ms|s|m|h|d)$/),
      fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') })
        .map((date) => date.toISOString()),
      fc.constantFrom('input', 'a'.repeat(129), '25h', '0s', '2026-01-02T03:04:05+02:00'),
      fc.string(),
    );
    fc.assert(
      fc.property(text.map(make), (value) => {
        if (schema.safeParse(value).success) expect(validator.validate(value).errors).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('GET /openapi.json', () => {
  it('is the document, without a key, and once is enough', async () => {
    const { send } = await setup();
    const response = await send('/openapi.json', { headers: { authorization: 'none' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const tag = response.headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await response.json()).toEqual(openApi);
    for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const again = await send('/openapi.json', { headers: { 'if-none-match': known } });
      expect(again.status).toBe(304);
      expect(await again.text()).toBe('');
      expect(again.headers.get('etag')).toBe(tag);
    }
    expect((await send('/openapi.json', { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  });
});

describe('GET /docs', () => {
  it('shows every operation, schema and error code', async () => {
    const { send } = await setup();
    const page = await (await send('/docs')).text();
    for (const { value } of operations) expect(page).toContain(`<article id="${value.operationId}"`);
    for (const name of Object.keys(openApi.components.schemas))
      expect(page).toContain(`<article id="${name}">`);
    const codes = [...findAll('enum', openApi.components.responses)].flatMap(
      ([, { enum: of }]) => of as string[],
    );
    for (const code of codes) expect(page).toContain(`<tr id="${code}">`);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  it('needs nothing but itself, and its policy allows nothing else', async () => {
    const { send } = await setup();
    const response = await send('/docs');
    const page = await response.text();
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|(?:href|src)="https?:|\son\w+=|\sstyle=/i);
    const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(page) ?? [];
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    const hash = Buffer.from(digest).toString('base64');
    expect(response.headers.get('content-security-policy')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  });
});
