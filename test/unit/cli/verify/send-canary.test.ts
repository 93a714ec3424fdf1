import { expect, it } from 'vitest';
import { ApiClient } from '../../../../cli/api-client.ts';
import { canariesNamed } from '../../../../cli/verify/send/canaries.ts';
import { sendCanary } from '../../../../cli/verify/send/send-canary.ts';
import { answer, DONE, type Seen, serve, SPAN_ID, TRACE_ID } from '../../../support/cli/servers.ts';

const CALLER = { carrier: {}, traceId: TRACE_ID, spanId: SPAN_ID, mark: 'm' };

/** Sends a canary whose time is over while the API answers a request. @param isLate whether it is that request */
async function sendLate(name: string, isLate: (request: Seen) => boolean) {
  const time = new AbortController();
  const failed = { ...DONE, state: 'failed', result: undefined };
  const api = await serve((request) => {
    if (isLate(request)) time.abort(new DOMException('the time is over', 'TimeoutError'));
    return answer(200, request.path?.endsWith('/redrive') ? DONE : failed);
  });
  const [canary] = canariesNamed([name]);
  if (canary === undefined) throw new Error('there is no such canary');
  const client = new ApiClient({ url: api.url, apiKey: undefined, signal: new AbortController().signal });
  return await sendCanary(canary, CALLER, { api: client, callback: undefined, signal: time.signal });
}

it.each([
  ['plain', ({ path }: Seen) => path === '/v1/jobs'],
  ['redriven', ({ path }: Seen) => path?.endsWith('/redrive') === true],
])(
  'the answer to a request of the canary %s counts although its time ends meanwhile',
  async (name, isLate) => {
    expect(await sendLate(name, isLate)).toMatchObject({ jobs: [{ job: { id: DONE.id } }] });
  },
);
