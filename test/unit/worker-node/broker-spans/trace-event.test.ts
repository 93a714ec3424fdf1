import { expect, it } from 'vitest';
import { readTraceEvent } from '../../../../worker-node/broker-spans/trace-event.ts';
import { at, type EventParts, eventBytes } from './events.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

it('steps that a newer server may have are left out, and the others stay', () => {
  const steps = [
    { type: 'sm', ts: at(200), to: 'x' },
    { type: 'quantum', ts: 7 },
    { type: 'js', ts: at(300), stream: 'JOBS', new_field: 1 },
  ];
  expect(readTraceEvent(eventBytes({ steps }))).toMatchObject({
    steps: [{ type: 'sm' }, { type: 'js' }],
  });
});

it.each(['', '{', 'garbage', '\u0000'])('%j is not JSON', (text) => {
  expect(readTraceEvent(bytes(text))).toBe('not-json');
});

it.each(['null', '[]', '1', '"x"', '{}', '{"events":[]}', `${'['.repeat(50_000)}${']'.repeat(50_000)}`])(
  'JSON that is no event is malformed',
  (text) => {
    expect(readTraceEvent(bytes(text))).toBe('malformed');
  },
);

const MALFORMED: readonly EventParts[] = [
  { ingress: { type: 'eg' } },
  { ingress: { ts: 'yesterday' } },
  { ingress: { ts: 5 } },
  { ingress: { kind: 'client' } },
  { ingress: { subj: '' } },
  { server: { id: 7 } },
  { steps: [{ type: 'js', ts: at(1) }] },
  { steps: [{ type: 'in', ts: at(1), kind: 0, cid: 1, acc: 'A', subj: 'x' }] },
  { steps: [{ ts: at(1) }] },
  { headers: { traceparent: 'x' as unknown as string[] } },
];
it.each(MALFORMED)('%j is malformed', (parts) => {
  expect(readTraceEvent(eventBytes(parts))).toBe('malformed');
});

it('a message that is too large is not read', () => {
  const steps = [{ type: 'sm', ts: at(1), to: 'x'.repeat(1024 * 1024) }];
  expect(readTraceEvent(eventBytes({ steps }))).toBe('too-large');
});
