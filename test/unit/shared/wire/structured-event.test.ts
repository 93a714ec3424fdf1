import { headers as natsHeaders } from '@nats-io/transport-node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerValues } from '../../../../shared/wire/headers.ts';
import { readJobMessage } from '../../../../shared/wire/job-message.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { toBinaryMode } from '../../../../shared/wire/structured-event.ts';
import { jobSubject } from '../../../../shared/wire/subjects.ts';
import { refusalOf } from '../../support.ts';

const TYPE = 'application/cloudevents+json';
const EVENT = { specversion: '1.0', id: '1', source: '/shop', type: 'order' };
const subject = jobSubject({ tenant: 'acme', jobId: 'job-1', operation: 'echo' });

function open(event: unknown, headers: Record<string, string> = { 'content-type': TYPE }) {
  const received = natsHeaders();
  for (const [name, value] of Object.entries(headers)) received.set(name, value);
  const data = event instanceof Uint8Array ? event : writeJson(event);
  const message = toBinaryMode({ headers: received, data });
  return { ...message, values: headerValues(message.headers) };
}

const inputOf = (event: unknown, headers?: Record<string, string>): unknown => {
  const { values, data } = open(event, headers);
  return readJobMessage(subject, values, data).input;
};

describe('a CloudEvent in structured mode', () => {
  it('becomes a message in binary mode with its attributes as headers', () => {
    const extensions = {
      tracestate: 'v=a b',
      count: 5,
      flag: true,
      subject: null,
      Bad: 'x',
      'x-y': 'x',
      list: [1],
    };
    const { values, headers } = open(
      { ...EVENT, ...extensions, data: 1 },
      { 'content-type': TYPE, 'throughline-tags': 'a' },
    );
    expect(headers?.keys().sort()).toEqual([
      'ce-count',
      'ce-datacontenttype',
      'ce-flag',
      'ce-id',
      'ce-source',
      'ce-specversion',
      'ce-tracestate',
      'ce-type',
      'throughline-tags',
    ]);
    expect(headers?.values('ce-tracestate')).toEqual(['v=a%20b']);
    expect(values('ce-tracestate')).toEqual(['v=a b']);
    expect(values('ce-datacontenttype')).toEqual(['application/json']);
  });

  it.each<[string, Record<string, unknown>, unknown]>([
    ['a JSON value', { data: { a: [1, null] } }, { a: [1, null] }],
    ['a text that looks like JSON', { data: '{"a":1}' }, '{"a":1}'],
    ['a value of null', { data: null }, null],
    ['nothing', {}, null],
    ['bytes of JSON', { data_base64: btoa('{"a":1}'), datacontenttype: 'application/json' }, { a: 1 }],
    ['bytes without a type', { data_base64: btoa('7') }, 7],
  ])('has as input its data: %s', (_what, data, input) => {
    expect(inputOf({ ...EVENT, ...data })).toEqual(input);
  });

  it.each([`${TYPE}; charset=utf-8`, 'Application/CloudEvents+JSON', ` ${TYPE}`])(
    'is told by the content type %j',
    (type) => {
      expect(inputOf({ ...EVENT, data: 7 }, { 'Content-Type': type })).toBe(7);
    },
  );

  it('is told without a content type by its body, as the SDK of Go writes it', () => {
    expect(inputOf({ ...EVENT, data: 7 }, { traceparent: 'x' })).toBe(7);
  });

  it.each<[string, unknown, Record<string, string>]>([
    ['has another content type', EVENT, { 'content-type': 'application/json' }],
    ['has attributes as headers', EVENT, { 'ce-specversion': '1.0' }],
    ['has no source', { ...EVENT, source: undefined }, {}],
    ['has another version', { ...EVENT, specversion: '0.3' }, {}],
    ['is a list', [EVENT], {}],
  ])('is not a message that looks like one but %s', (_what, body, headers) => {
    expect(inputOf(body, headers)).toEqual(JSON.parse(JSON.stringify(body)));
  });

  it.each<[string, unknown, string?]>([
    ['is no JSON', new TextEncoder().encode('{"specversion"')],
    ['lacks an attribute', { ...EVENT, id: undefined, data: 7 }],
    ['has broken base64', { ...EVENT, data_base64: '*' }],
    ['is in another format', { ...EVENT, data: 7 }, 'application/cloudevents+avro'],
    ['is a batch', [EVENT], 'application/cloudevents-batch+json'],
  ])('is refused if it %s', async (_what, body, type = TYPE) => {
    const error = await refusalOf(() => inputOf(body, { 'content-type': type }));
    expect(error).toMatchObject({
      code: 'message-invalid',
      message: 'the body is not a CloudEvent in the JSON format',
    });
  });

  it('is opened without a throw, whatever it is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.uint8Array(), (more, bytes) => {
        const event = JSON.stringify({ ...EVENT, ...more }, (_key, value) =>
          typeof value === 'bigint' ? 0 : value,
        );
        for (const data of [new TextEncoder().encode(event), bytes]) {
          const { headers } = open(data);
          for (const key of headers?.keys() ?? []) expect(key).toMatch(/^(?:ce-[a-z0-9]+|content-type)$/i);
        }
      }),
    );
  });
});

describe('the type of the data', () => {
  it.each(['text/plain', 'application/xml', 'application/octet-stream', 'json'])(
    '%s is refused in an attribute',
    async (type) => {
      const error = await refusalOf(() => inputOf(7, { 'ce-datacontenttype': type }));
      expect(error).toMatchObject({ code: 'message-invalid' });
      expect((error as Error).message).toContain('ce-datacontenttype');
    },
  );

  it.each(['application/json', 'application/vnd.order+json; charset=utf-8', 'text/json'])(
    '%s is JSON',
    (type) => {
      expect(inputOf(7, { 'ce-datacontenttype': type })).toBe(7);
    },
  );

  it('counts only as an attribute: many producers send any content type', () => {
    expect(inputOf(7, { 'content-type': 'text/plain' })).toBe(7);
  });
});
