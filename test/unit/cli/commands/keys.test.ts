import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../../../cli/program.ts';
import { createApiKey, findApiKey, hashApiKey } from '../../../../shared/api/api-key.ts';

/** Runs the command line within this process. */
async function run(args: readonly string[], stdin = '') {
  const written: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  const stream = (name: keyof typeof written) => ({ write: (text: string) => void written[name].push(text) });
  const code = await runCli(args, {
    environment: {},
    stdin: Readable.from([stdin]),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  });
  return { code, stdout: written.stdout.join(''), stderr: written.stderr.join('') };
}

describe('keys create', () => {
  it('prints a key and the entry that lets it in', async () => {
    const { code, stdout, stderr } = await run(['keys', 'create', 'ci', '--tenant', 'acme', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { key, entry } = JSON.parse(stdout);
    expect(entry).toEqual({ id: 'ci', tenant: 'acme', hash: await hashApiKey(key) });
    expect(await findApiKey(key, new Map([[entry.id, entry]]))).toBe(entry);
  });

  it('prints both for a person, the entry as JSON', async () => {
    const { stdout } = await run(['keys', 'create', 'ci', '--tenant', 'acme']);
    const [, key = '', entry = ''] = /^key {4}(tl_ci_\S+)\nentry {2}(\{.*\})\n$/.exec(stdout) ?? [];
    expect(JSON.parse(entry)).toMatchObject({ hash: await hashApiKey(key) });
  });

  it('takes scopes, and --json before the command', async () => {
    const scopes = ['--scope', 'jobs:read', '--scope=jobs:write', '--scope', 'jobs:read'];
    const { stdout } = await run(['--json', 'keys', 'create', 'ci', '--tenant', 'acme', ...scopes]);
    expect(JSON.parse(stdout).entry.scopes).toEqual(['jobs:read', 'jobs:write']);
  });

  it.each([
    [['c_i', '--tenant', 'acme'], "A key's id is 1 to 32 letters and digits."],
    [['ci', '--tenant', 'a.b'], 'A tenant is 1 to 64 letters, digits'],
    [['ci', '--tenant', 'acme', '--scope', 'jobs'], 'It must be one of jobs:write, '],
    [['ci'], '--tenant'],
    [['--tenant', 'acme'], "missing required argument 'id'"],
  ])('refuses %j', async (args, sentence) => {
    const { code, stdout, stderr } = await run(['keys', 'create', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });
});

describe('keys hash', () => {
  const key = createApiKey('ci');

  it('prints the hash of the key on standard input', async () => {
    const hash = await hashApiKey(key);
    expect(await run(['keys', 'hash'], key)).toEqual({ code: 0, stdout: `${hash}\n`, stderr: '' });
    expect((await run(['keys', 'hash'], `${key}\r\n`)).stdout).toBe(`${hash}\n`);
    expect(JSON.parse((await run(['keys', 'hash', '--json'], key)).stdout)).toEqual({ id: 'ci', hash });
  });

  it.each(['', '\n', 'canary', `${key} canary`, `${'x'.repeat(5_000)}`])(
    'refuses what is no key, without repeating it (%#)',
    async (stdin) => {
      const { code, stdout, stderr } = await run(['keys', 'hash'], stdin);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toMatch(/canary|tl_ci_|xxx/);
    },
  );
});
