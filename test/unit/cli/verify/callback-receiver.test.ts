import { expect, it, onTestFinished } from 'vitest';
import { CallbackReceiver } from '../../../../cli/verify/send/callback-receiver.ts';
import { findFreePort } from '../../../../dev/machine/free-port.ts';

it.each(['', '/', '/canary', '/canary/', '/canary?key=a%20b', '?key=1'])(
  'a callback comes to an address below the one that was given: %j',
  async (path) => {
    const port = await findFreePort();
    const receiver = await CallbackReceiver.open({ url: `http://127.0.0.1:${port}${path}`, port: undefined });
    onTestFinished(() => receiver.close());
    const { url, headers } = receiver.expect();
    const { search, pathname } = new URL(url);
    expect(search).toBe(new URL(path, 'http://x').search);
    expect(pathname).toMatch(/^(?:\/canary)?\/[0-9a-f]{32}$/);
    expect((await fetch(url, { method: 'POST', headers: { 'x-mark': '1' } })).status).toBe(204);
    expect(await headers).toMatchObject({ 'x-mark': '1' });
  },
);
