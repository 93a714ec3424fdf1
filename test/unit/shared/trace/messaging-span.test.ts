import { SpanKind } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { messagingSpan } from '../../../../shared/trace/messaging-span.ts';
import { serverAttributes } from '../../../../shared/trace/server-address.ts';
import { shortName } from '../../../../shared/trace/short-name.ts';
import { deadSubject, delayedSubject, eventSubject, jobSubject } from '../../../../shared/wire/subjects.ts';

const address = { tenant: 'acme', jobId: 'job-1', operation: 'image.thumbnail' };

describe('a span about a message', () => {
  it.each([
    [jobSubject(address), 'jobs.{priority}.{lane}.{tenant}.{jobId}.image.thumbnail', 'send image.thumbnail'],
    [
      delayedSubject(address),
      'delayed.{priority}.{lane}.{tenant}.{jobId}.image.thumbnail',
      'send image.thumbnail',
    ],
    [deadSubject(address), 'dead.{tenant}.{jobId}.image.thumbnail', 'send dead image.thumbnail'],
    [eventSubject('acme', 'job-1'), 'events.{tenant}.{jobId}', 'send events'],
  ])('is named after the template of its subject: %s', (subject, template, short) => {
    const { name, attributes } = messagingSpan('send', subject);
    expect(name).toBe(`send ${template}`);
    expect(attributes).toMatchObject({
      'messaging.system': 'nats',
      'messaging.destination.name': subject,
      'messaging.destination.template': template,
    });
    expect(shortName({ name, attributes })).toBe(short);
  });

  it.each([
    ['send', SpanKind.PRODUCER],
    ['receive', SpanKind.CLIENT],
    ['process', SpanKind.CONSUMER],
    ['settle', SpanKind.CLIENT],
  ] as const)('has the kind that the convention has for %s', (type, kind) => {
    expect(messagingSpan(type, jobSubject(address)).kind).toBe(kind);
  });

  it('may be named by what NATS calls its operation', () => {
    const { name, attributes } = messagingSpan('settle', jobSubject(address), 'nak');
    expect(name).toMatch(/^nak jobs\./);
    expect(attributes).toMatchObject({
      'messaging.operation.type': 'settle',
      'messaging.operation.name': 'nak',
    });
  });
});

describe('a server', () => {
  it.each([
    ['nats://127.0.0.1:4222', { 'server.address': '127.0.0.1', 'server.port': 4222 }],
    ['nats://[::1]:4222', { 'server.address': '::1', 'server.port': 4222 }],
    ['wss://nats.example:8443/path', { 'server.address': 'nats.example', 'server.port': 8443 }],
    ['wss://nats.example', { 'server.address': 'nats.example' }],
    ['http://[2001:db8::1]/hooks', { 'server.address': '2001:db8::1', 'server.port': 80 }],
    ['https://hooks.example', { 'server.address': 'hooks.example', 'server.port': 443 }],
    [undefined, {}],
  ])('%s', (server, attributes) => {
    expect(serverAttributes(server)).toEqual(attributes);
  });
});

it('the short name of any other span is its name', () => {
  expect(shortName({ name: 'POST /v1/jobs', attributes: {} })).toBe('POST /v1/jobs');
});
