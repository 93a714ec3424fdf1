import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { runCli } from '../../../../cli/program.ts';
import { callbackSecretKey } from '../../../../shared/text/callback-secret.ts';

async function run(...args: readonly string[]) {
  const written: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  const stream = (name: keyof typeof written) => ({ write: (text: string) => void written[name].push(text) });
  const code = await runCli(args, {
    environment: {},
    stdin: Readable.from(['']),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  });
  return { code, stdout: written.stdout.join(''), stderr: written.stderr.join('') };
}

it('callbacks secret prints one that workers take, and nothing else', async () => {
  const { code, stdout, stderr } = await run('callbacks', 'secret');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(callbackSecretKey(stdout.trimEnd())).toHaveLength(32);
  const { secret } = JSON.parse((await run('callbacks', 'secret', '--json')).stdout);
  expect(callbackSecretKey(secret)).toHaveLength(32);
});

it.each(['/hooks', 'ftp://acme.example', 'https://user:secret@acme.example/', 'https://acme.example/#x'])(
  'submit --callback %s is refused before anything is sent',
  async (url) => {
    const { code, stderr } = await run('submit', 'echo', '1', '--callback', url);
    expect(code).toBe(2);
    expect(stderr).toContain('It must be an absolute http or https URL');
  },
);
