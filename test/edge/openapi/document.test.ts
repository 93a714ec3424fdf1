import { glob, readFile } from 'node:fs/promises';
import { type Schema, Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { METHOD_NAME_ALL } from 'hono/router';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { createApp } from '../../../edge/http/app.ts';
import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import { openApiDocument } from '../../../edge/openapi/document.ts';
import { OPERATION } from '../../../edge/openapi/examples.ts';
import { inputInvalid } from '../../../edge/validation/input-invalid.ts';
import { InputSchema } from '../../../edge/validation/input-schema.ts';
import { MOST_STEPS, StepBudget } from '../../../edge/validation/step-budget.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { OperationName } from '../../../shared/api/operation.ts';
import { Delay, SubmitJob, Timeout } from '../../../shared/api/submit-job.ts';
import { ERRORS } from '../../../shared/error-table.ts';
import { API_ERROR_CODES, type ErrorCode, isApiErrorCode } from '../../../shared/errors.ts';
import { CALLBACK_URL, isCallbackUrl } from '../../../shared/job/callback.ts';
import { DURATION, parseDuration } from '../../../shared/text/duration.ts';

type Json = Record<string, unknown>;

const operations = Object.entries<Record<string, Json>>(openApi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, value]) => ({ method, path, value })),
);

/** Every object in the document that has this key, with its place. */
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
  it('is what the code describes now (npm run openapi writes it)', () => {
    const made = JSON.stringify(openApiDocument(manifest.version));
    expect(JSON.parse(made)).toEqual(openApi);
    expect(JSON.stringify(openApi)).toBe(made);
  });

  it('has an operation for each route of the app, and no other', () => {
    const routes = createApp()
      .routes.filter(({ method }) => method !== METHOD_NAME_ALL)
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
    const described = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(described.toSorted()).toEqual([...new Set(routes)].sort());
  });

  it('has each operation id once, and declares each parameter of a path', () => {
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

  it('has no reference without a component, and no component without a reference', () => {
    const references = [...findAll('$ref')].map(([, { $ref }]) => String($ref));
    for (const reference of references) expect(resolve(reference), reference).toBeDefined();
    for (const kind of ['schemas', 'responses', 'parameters', 'headers'] as const) {
      for (const name of Object.keys(openApi.components[kind])) {
        expect(references).toContain(`#/components/${kind}/${name}`);
      }
    }
  });

  it('says for each field that a caller sends what type it has; only an input may be anything', () => {
    const sent = ['SubmitJob', 'SubmitBatch', 'Callback', 'RedriveRequest'] as const;
    const fields = sent.flatMap((name) => Object.entries<Json>(openApi.components.schemas[name].properties));
    const values = fields.map(([name, field]) => [name, (field.items ?? field) as Json] as const);
    const untyped = values.filter(([, { type, $ref }]) => type === undefined && $ref === undefined);
    expect(untyped.map(([name]) => name)).toEqual(['input']);
    expect([...findAll('anyOf')], 'generators read oneOf better').toEqual([]);
  });

  it('has only examples that are valid for their schemas', () => {
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

  it('has every code that the API answers with, and no other', () => {
    const listed = Object.values<Json>(openApi.components.responses).flatMap((response) =>
      [...findAll('code', response)].flatMap(([, { code }]) => (code as { enum?: string[] }).enum ?? []),
    );
    const general = ['route-unknown', 'method-not-allowed'];
    for (const code of general) expect(openApi.info.description).toContain(`\`${code}\``);
    const answered = API_ERROR_CODES.toSorted();
    expect([...new Set([...listed, ...general])].sort()).toEqual(answered);
    expect(openApi.components.schemas.Problem.properties.code.enum.toSorted()).toEqual(answered);
  });

  it('has every code that the source of the edge throws', async () => {
    const codes = new Set<string>();
    for await (const file of glob('edge/**/*.ts')) {
      const source = await readFile(file, 'utf8');
      for (const [, code = ''] of source.matchAll(/new ThroughlineError\(\s*'([a-z-]+)'/g)) codes.add(code);
    }
    expect(codes.size).toBeGreaterThan(15);
    for (const code of codes) expect(isApiErrorCode(code), code).toBe(true);
  });

  it('lists each error code under its status', () => {
    for (const [name, response] of Object.entries<Json>(openApi.components.responses)) {
      const users = operations.flatMap(({ value }) =>
        Object.entries(value.responses as Record<string, Json>)
          .filter(([, { $ref }]) => $ref === `#/components/responses/${name}`)
          .map(([status]) => Number(status)),
      );
      const [[, { enum: codes }] = ['', {} as Json]] = findAll('enum', response);
      for (const code of codes as ErrorCode[]) {
        expect(new Set(users)).toEqual(new Set([ERRORS[code].status]));
      }
    }
  });

  it.each<[string, z.ZodType, (text: string) => unknown]>([
    ['JobOperation', OperationName, (text) => text],
    ['Duration', Timeout, (text) => text],
    ['SubmitJob', SubmitJob, (text) => ({ operation: text, input: 1 })],
    ['SubmitJob', SubmitJob, (text) => ({ operation: 'echo', input: 1, delay: text })],
    ['SubmitJob', SubmitJob, (text) => ({ operation: 'echo', [text]: 1 })],
    ['SubmitJob', SubmitJob, (url) => ({ operation: 'echo', input: 1, callback: { url } })],
  ])('accepts everything that the route accepts (%s)', (name, schema, make) => {
    const validator = validatorOf({ $ref: `#/components/schemas/${name}` });
    const text = fc.oneof(
      fc.stringMatching(/^[a-z0-9.]{0,6}$/),
      fc.stringMatching(/^[0-9]{1,3}(ms|s|m|h|d)$/),
      fc.stringMatching(DURATION),
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.ipV6().map((address) => `http://[${address}]:80/x`),
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

  it('takes no callback URL that the route refuses, and no other way round', () => {
    const validator = validatorOf({ $ref: '#/components/schemas/Callback' });
    const url = fc.oneof(
      fc.stringMatching(CALLBACK_URL),
      fc.webUrl({ withFragments: true }),
      fc
        .webAuthority({
          withIPv4: true,
          withIPv6: true,
          withIPv4Extended: true,
          withUserInfo: true,
          withPort: true,
        })
        .map((authority) => `https://${authority}/`),
      fc.string(),
    );
    fc.assert(
      fc.property(url, (text) => {
        expect(validator.validate({ url: text }).valid).toBe(isCallbackUrl(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it('takes each delay that the code reads, and no other', () => {
    const validator = validatorOf({ $ref: '#/components/schemas/Delay' });
    const time = fc
      .date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') })
      .chain((date) =>
        fc.constantFrom('Z', '+02:00', '-23:59', '+24:00', '').map((zone) => [date, zone] as const),
      )
      .map(([date, zone]) => date.toISOString().replace('Z', zone));
    fc.assert(
      fc.property(fc.oneof(fc.stringMatching(DURATION), time, fc.string()), (text) => {
        expect(validator.validate(text).valid, text).toBe(Delay.safeParse(text).success);
      }),
    );
  });

  it('takes each duration that the code reads, and no other', () => {
    const validator = validatorOf({ $ref: '#/components/schemas/Duration' });
    fc.assert(
      fc.property(fc.oneof(fc.stringMatching(DURATION), fc.string()), (text) => {
        expect(validator.validate(text).valid).toBe(parseDuration(text) !== undefined);
      }),
    );
  });
});

it('the example of a refused input is what the edge answers', () => {
  const verdict = new InputSchema(OPERATION.inputSchema).check({ text: 7 }, new StepBudget(MOST_STEPS));
  const violations = verdict.outcome === 'refused' ? verdict.violations : [];
  const { message } = inputInvalid(OPERATION.name, violations);
  const examples = [...findAll('input-invalid')].map(([, { 'input-invalid': example }]) => example as Json);
  expect(examples).not.toEqual([]);
  for (const { value } of examples) expect(value).toMatchObject({ detail: message, violations });
});
