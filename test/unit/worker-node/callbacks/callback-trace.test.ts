import { expect, it } from 'vitest';
import { traceOutcome } from '../../../../worker-node/callbacks/callback-trace.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SENT = `00-${TRACE}-00f067aa0ba902b7-01`;

it.each([
  ['continued', `00-${TRACE}-1111222233334444-01`],
  ['continued', `00-${TRACE}-1111222233334444-00`],
  ['other-trace', '00-11112222333344445555666677778888-1111222233334444-01'],
  ['absent', undefined],
  ['invalid', ''],
  ['invalid', 'yes'],
  ['invalid', `00-${TRACE}-0000000000000000-01`],
])('a receiver whose trace is %s answers with %o', (outcome, traceResponse) => {
  expect(traceOutcome(traceResponse, SENT)).toBe(outcome);
});

it('a callback that carried no trace is continued by nobody', () => {
  expect(traceOutcome(SENT, undefined)).toBe('other-trace');
});
