import { describe, expect, it } from 'vitest';
import { createApiKey, findApiKey, hashApiKey } from '../../../../shared/api/access.ts';
import { runHere } from '../../../support/cli/in-process.ts';

describe('keys create', () => {
  it('prints a key and the entry that adds it to API_KEYS', async () => {
    const { code, stdout, stderr } = await runHere(['keys', 'create', 'ci', '--tenant', 'acme', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { key, entry } = JSON.parse(stdout);
    expect(entry).toEqual({ id: 'ci', tenant: 'acme', hash: await hashApiKey(key) });
    expect(await findApiKey(key, new Map([[entry.id, entry]]))).toBe(entry);
  });

  it('prints both for a person, the entry as JSON', async () => {
    const { stdout, stderr } = await runHere(['keys', 'create', 'ci', '--tenant', 'acme']);
    expect(stderr).toContain('the key does not work before its entry is in the list API_KEYS of the edge');
    expect(stderr).toContain("`throughline dev --edge 'API_KEYS=[<entry>]'`");
    const [, key = '', entry = ''] = /^key {4}(tl_ci_\S+)\nentry {2}(\{.*\})\n$/.exec(stdout) ?? [];
    expect(JSON.parse(entry)).toMatchObject({ hash: await hashApiKey(key) });
  });

  it('takes scopes, and --json before the command', async () => {
    const scopes = ['--scope', 'jobs:read', '--scope=jobs:write', '--scope', 'jobs:read'];
    const { stdout } = await runHere(['--json', 'keys', 'create', 'ci', '--tenant', 'acme', ...scopes]);
    expect(JSON.parse(stdout).entry.scopes).toEqual(['jobs:read', 'jobs:write']);
  });

  it.each([
    [['c_i', '--tenant', 'acme'], "A key's id is 1 to 32 letters and digits."],
    [['ci', '--tenant', 'a.b'], 'A tenant is 1 to 64 letters, digits'],
    [['ci', '--tenant', 'acme', '--scope', 'jobs'], 'It must be one of jobs:write, '],
    [['ci'], '--tenant'],
    [['--tenant', 'acme'], "missing required argument 'id'"],
  ])('refuses %j', async (args, sentence) => {
    const { code, stdout, stderr } = await runHere(['keys', 'create', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });
});

describe('keys hash', () => {
  const key = createApiKey('ci');

  it('prints the hash of the key on standard input', async () => {
    const hash = await hashApiKey(key);
    expect(await runHere(['keys', 'hash'], { stdin: key })).toEqual({
      code: 0,
      stdout: `${hash}\n`,
      stderr: '',
    });
    expect((await runHere(['keys', 'hash'], { stdin: `${key}\r\n` })).stdout).toBe(`${hash}\n`);
    expect(JSON.parse((await runHere(['keys', 'hash', '--json'], { stdin: key })).stdout)).toEqual({
      id: 'ci',
      hash,
    });
  });

  it.each(['', '\n', 'canary', `${key} canary`, `${'x'.repeat(5_000)}`])(
    'refuses text that is not a key, without printing it (%#)',
    async (stdin) => {
      const { code, stdout, stderr } = await runHere(['keys', 'hash'], { stdin });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).not.toMatch(/canary|tl_ci_|xxx/);
    },
  );
});
