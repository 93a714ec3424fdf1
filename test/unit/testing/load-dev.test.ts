import { expect, it } from 'vitest';
import { loadDev } from '../../../testing/load-dev.ts';

function missing(name: string): () => Promise<never> {
  const message = `Cannot find package '${name}' imported from /app/test.js`;
  return () => Promise.reject(Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' }));
}

it('one sentence says what to install when the local stack is missing', async () => {
  await expect(loadDev(missing('@throughline/dev'))).rejects.toThrow(
    'startStack needs the local stack: npm install --save-dev @throughline/dev',
  );
});

it('another package that is missing is told as it is', async () => {
  await expect(loadDev(missing('miniflare'))).rejects.toThrow("Cannot find package 'miniflare'");
});
