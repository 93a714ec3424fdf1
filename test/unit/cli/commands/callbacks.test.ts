import { expect, it } from 'vitest';
import { callbackSecretsFor } from '../../../../shared/callback-secrets.ts';
import { callbackSecretKey, createCallbackSecret } from '../../../../shared/text/secret.ts';
import { runHere } from '../../../support/cli/in-process.ts';

it('callbacks secret prints a secret that workers accept, and nothing else', async () => {
  const { code, stdout, stderr } = await runHere(['callbacks', 'secret']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(callbackSecretKey(stdout.trimEnd())).toHaveLength(32);
  const { secret } = JSON.parse((await runHere(['callbacks', 'secret', '--json'])).stdout);
  expect(callbackSecretKey(secret)).toHaveLength(32);
});

it('callbacks secret --tenant prints the newest secret of a tenant, from the settings of the workers', async () => {
  const environment = { CALLBACK_SECRET: `${createCallbackSecret()},${createCallbackSecret()}` };
  const [secret] = await callbackSecretsFor('acme', environment);
  const args = ['callbacks', 'secret', '--tenant', 'acme'];
  expect(await runHere(args, { environment })).toEqual({ code: 0, stdout: `${secret}\n`, stderr: '' });
  const { stdout } = await runHere([...args, '--json'], { environment });
  expect(JSON.parse(stdout)).toEqual({ tenant: 'acme', secret });
});

it('callbacks secret --tenant says which setting is missing or wrong, and does not show it', async () => {
  const args = ['callbacks', 'secret', '--tenant', 'acme'];
  const missing = await runHere(args);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
  expect(missing.stderr).toContain('CALLBACK_SECRET: must be set');
  const wrong = await runHere(args, { environment: { CALLBACK_SECRET: 'canary' } });
  expect(wrong.stderr).toContain('CALLBACK_SECRET: must be');
  expect(wrong.stderr).not.toContain('canary');
});
