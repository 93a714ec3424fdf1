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

it('a command that asks NATS only says which settings choose it, when it is not there', async () => {
  const api = await serve(() => answer(200, {}));
  const { code, stderr } = await callHere(api, ['workers'], {
    environment: { NATS_URL: 'nats://127.0.0.1:9' },
  });
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /^error: cannot connect to NATS at nats:\/\/127\.0\.0\.1:9: .*\n {2}NATS_URL, NATS_USER and /,
  );
});
