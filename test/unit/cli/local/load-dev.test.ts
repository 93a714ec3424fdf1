import { expect, it } from 'vitest';
import { loadDev } from '../../../../cli/local/load-dev.ts';

const LACK = { message: 'the stack is missing' };
const missing = (name: string) => () =>
  Promise.reject(Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' }));

it.each([
  [undefined, 'run npm install --save-dev @throughline/dev'],
  ['give --nats', 'give --nats, or run npm install --save-dev @throughline/dev'],
])(
  'says how to install the local stack where it is not, and what helps besides: %s',
  async (otherwise, hint) => {
    const lack = otherwise === undefined ? LACK : { ...LACK, otherwise };
    await expect(loadDev(lack, missing('@throughline/dev'))).rejects.toMatchObject({
      code: 'usage-invalid',
      message: LACK.message,
      hint,
    });
  },
);

it('hides no other fault of it', async () => {
  await expect(loadDev(LACK, missing('miniflare'))).rejects.toThrow("Cannot find package 'miniflare'");
});
