import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALLBACK_ENDS, type Callback, isCallbackUrl } from '../../../../shared/job/callback.ts';
import type { JobEvent } from '../../../../shared/job/event.ts';
import {
  callbackId,
  callbackTask,
  readCallbackTask,
  writeCallbackTask,
} from '../../../../shared/wire/callback-task.ts';
import type { HeaderValues } from '../../../../shared/wire/headers.ts';
import { asksForCallback, readJobSpec, writeJobSpec } from '../../../../shared/wire/job-headers.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { callbackSubject } from '../../../../shared/wire/subjects.ts';
import { SUCCEEDED } from '../../worker-node/support.ts';

const URL_TEXT = 'https://acme.example/hooks?id=1';
const NOT_A_TARGET = [
  '',
  'acme.example/hooks',
  '/hooks',
  '//acme.example/hooks',
  'https:acme.example',
  'https://',
  'ftp://acme.example/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'https://user@acme.example/',
  'https://user:secret@acme.example/',
  'https://:secret@acme.example/',
  'https://acme.example/#part',
  'https://acme.example/#',
  'https://acme.example/a b',
  'https://acme.example/\r\nNats-Rollup: all',
  'https://acme.example/\n',
  ' https://acme.example/',
  'https://ücme.example/',
  'https://acme.example/ü',
  'https://acme.example:99999/',
  'https://acme.example:0/',
  'https://acme.example:0000',
  'https://127/',
  'https://acme.1',
  'https://0x7f.',
  `https://acme.example/${'x'.repeat(2_048)}`,
];

const headersOf = (headers: readonly (readonly [string, string])[]): HeaderValues => {
  return (name) => headers.filter(([key]) => key === name).map(([, value]) => value);
};

const readCallback = (values: HeaderValues): Callback | undefined => readJobSpec(values).callback;

function written(callback: Callback): [string, string][] {
  const headers: [string, string][] = [];
  writeJobSpec({ callback }, (name, value) => headers.push([name, value]));
  return headers;
}

describe('the target of a callback', () => {
  it.each([
    URL_TEXT,
    'http://3f9a1b2c4d5e:9000/hook',
    'http://10-gw.',
    'http://127.0.0.1:9000',
    'HTTPS://ACME.example',
    'https://[2001:db8::1]:8443/a?b=c&d',
  ])('may be %s', (text) => {
    expect(isCallbackUrl(text)).toBe(true);
  });

  it.each(NOT_A_TARGET)('may not be %j', (text) => {
    expect(isCallbackUrl(text)).toBe(false);
    expect(readCallback(headersOf([['throughline-callback-url', text]]))).toBeUndefined();
  });
});

describe('the headers of a callback', () => {
  it('give back what was written', () => {
    const ends = fc.uniqueArray(fc.constantFrom(...CALLBACK_ENDS), { minLength: 1 });
    fc.assert(
      fc.property(ends, (events) => {
        const read = readCallback(headersOf(written({ url: URL_TEXT, events })));
        expect([...(read?.events ?? [])].sort()).toEqual([...events].sort());
        expect(read?.url).toBe(URL_TEXT);
      }),
    );
  });

  it('name no ends if the callback is for all ends', () => {
    expect(written({ url: URL_TEXT, events: CALLBACK_ENDS })).toEqual([
      ['throughline-callback-url', URL_TEXT],
    ]);
  });

  it.each([
    [[['throughline-callback-url', 'rubbish']]],
    [
      [
        ['throughline-callback-url', URL_TEXT],
        ['throughline-callback-url', URL_TEXT],
      ],
    ],
    [
      [
        ['throughline-callback-url', URL_TEXT],
        ['throughline-callback-events', 'started'],
      ],
    ],
    [
      [
        ['throughline-callback-url', URL_TEXT],
        ['throughline-callback-events', ''],
      ],
    ],
  ] as [string, string][][][])('that cannot be read give no callback, but ask for one: %j', (headers) => {
    expect(readCallback(headersOf(headers))).toBeUndefined();
    expect(asksForCallback(headersOf(headers))).toBe(true);
  });

  it('that are absent ask for no callback', () => {
    expect(readCallback(headersOf([]))).toBeUndefined();
    expect(asksForCallback(headersOf([]))).toBe(false);
  });
});

const END: JobEvent = { ...SUCCEEDED, result: 1 };

describe('a callback task', () => {
  const task = { tenant: 'acme', url: URL_TEXT, event: END };
  const headers: [string, string][] = [];
  writeCallbackTask(task, '/throughline/bridge', {}, (name, value) => headers.push([name, value]));

  it('gives back what was written', () => {
    const subject = callbackSubject('acme', 'job-1');
    expect(readCallbackTask(subject, headersOf(headers), writeJson(END))).toEqual(task);
  });

  it('has one id per job and redrive', () => {
    expect(headersOf(headers)('Nats-Msg-Id')).toEqual(['job-1:callback']);
    const second: [string, string][] = [];
    writeCallbackTask({ ...task, event: { ...END, redriveCount: 2 } }, '/', {}, (...header) =>
      second.push(header),
    );
    expect(headersOf(second)('Nats-Msg-Id')).toEqual(['job-1:callback:2']);
    expect([callbackId(END), callbackId({ ...END, redriveCount: 2 })]).toEqual(['job-1:end', 'job-1:end:2']);
  });

  it('is made only at the ends that the callback is for', () => {
    const callback = { url: URL_TEXT, events: ['failed'] as const };
    expect(callbackTask('acme', callback, END)).toBeUndefined();
    expect(callbackTask('acme', undefined, END)).toBeUndefined();
    expect(callbackTask('acme', callback, { ...END, kind: 'failed' })).toMatchObject({ url: URL_TEXT });
  });

  it.each<[string, string, [string, string][], unknown]>([
    ['its subject is another’s', 'callbacks.acme.job-2', headers, END],
    ['its subject is not one of callbacks', 'callbacks.acme', headers, END],
    ['its subject is too long', 'callbacks.acme.job-1.x', headers, END],
    ['it has no target', 'callbacks.acme.job-1', [], END],
    [
      'its target is not a URL that is allowed',
      'callbacks.acme.job-1',
      [['throughline-callback-url', 'ftp://x/']],
      END,
    ],
    ['its body is not an event', 'callbacks.acme.job-1', headers, { hello: 1 }],
    ['its event does not end the job', 'callbacks.acme.job-1', headers, { ...END, kind: 'started' }],
  ])('is not read if %s', (_what, subject, given, body) => {
    expect(readCallbackTask(subject, headersOf(given), writeJson(body))).toBeUndefined();
  });
});
