import { expect, it } from 'vitest';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, serve } from '../../../support/cli/servers.ts';

const FACTS = { inputSchema: true, timeoutMs: 1, maxAttempts: 1, edgeChecks: 'whole' };

it('`operations` says why it does not show the hosts, if NATS should have told', async () => {
  const api = await serve(() => answer(200, { operations: [{ name: 'echo', ...FACTS, hosts: 1 }] }));
  const environment = { NATS_URL: 'nats://127.0.0.1:9' };
  const text = await callHere(api, ['operations'], { environment });
  expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining('echo') });
  expect(text.stderr).toMatch(/^warning: hosts and versions are not shown: cannot connect to NATS/);
  const { stdout } = await callHere(api, ['operations', '--json'], { environment });
  expect(JSON.parse(stdout).unasked).toContain('cannot connect to NATS');
  expect((await callHere(api, ['operations'])).stderr).toBe('');
});
