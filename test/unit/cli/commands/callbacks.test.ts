import { expect, it } from 'vitest';
import { callbackSecretKey } from '../../../../shared/text/secret.ts';
import { runHere } from '../../../support/cli/in-process.ts';

it('callbacks secret prints a secret that workers accept, and nothing else', async () => {
  const { code, stdout, stderr } = await runHere(['callbacks', 'secret']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(callbackSecretKey(stdout.trimEnd())).toHaveLength(32);
  const { secret } = JSON.parse((await runHere(['callbacks', 'secret', '--json'])).stdout);
  expect(callbackSecretKey(secret)).toHaveLength(32);
});
