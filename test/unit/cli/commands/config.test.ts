import { chmod, lstat, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../../support/cleanup.ts';
import { runHere } from '../../../support/cli/in-process.ts';
import { describeOptions } from '../../../support/cli/options.ts';
import { answer, DONE, JOB, serve } from '../../../support/cli/servers.ts';

const KEY = 'tl_ci_0123456789012345678901';

/** A machine of one user, whose profiles are in a folder of the test's own. */
async function machine() {
  const folder = await scratchFolder();
  const environment = { XDG_CONFIG_HOME: folder };
  const file = path.join(folder, 'throughline', 'config.json');
  const run = (line: string, more: Record<string, string> = {}, stdin = '') =>
    runHere(line.split(' '), { environment: { ...environment, ...more }, stdin });
  return { file, run };
}

describe('a profile', () => {
  it('is used by its name, and by default where the environment names no API', async () => {
    const [production, staging, other] = await Promise.all(
      [1, 2, 3].map(() => serve(() => answer(200, DONE))),
    );
    if (production === undefined || staging === undefined || other === undefined)
      throw new Error('no servers');
    const { run } = await machine();
    expect(
      (await run(`config set production --url ${production.url} --api-key-stdin`, {}, `${KEY}\n`)).code,
    ).toBe(0);
    expect((await run(`config set staging --url ${staging.url}`)).code).toBe(0);
    await run('get job-1 --json');
    expect(production.seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${KEY}`]);
    await run('--profile staging get job-1 --json');
    await run('config use staging');
    await run('get job-1 --json');
    // The key of one place never goes to the address of another.
    await run('get job-1 --json --profile staging', { THROUGHLINE_API_KEY: 'tl_env_0123456789012345678901' });
    expect(staging.seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await run('get job-1 --json', { THROUGHLINE_URL: other.url });
    await run(`get job-1 --json --profile production --url ${other.url}`);
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, `Bearer ${KEY}`]);
  });

  it.each([{ HOME: '/dev/null' }, { XDG_CONFIG_HOME: '/dev/null/config' }])(
    'is not looked for where no folder can be: %j',
    async (environment) => {
      const { code, stderr } = await runHere(['config', 'list'], { environment });
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('there are no profiles') });
    },
  );

  it('that was named, or an address, is part of the commands that are printed to be pasted', async () => {
    const detail = 'no job of yours has the id "job-2"; GET /v1/jobs lists your jobs';
    const problem = { status: 404, code: 'job-unknown', title: 't', detail };
    const { url } = await serve(({ method }) =>
      method === 'POST' ? answer(202, JOB) : answer(404, problem),
    );
    const { run } = await machine();
    await run(`config set staging --url ${url}`);
    for (const given of ['--profile staging', `--url ${url}`]) {
      const late = await run(`submit echo 1 --wait 1 ${given}`);
      expect(late.stderr).toContain(`follow it with: throughline ${given} watch job-1\n`);
      const none = await run(`${given} get job-2`);
      expect(none.stderr).toContain(`\`throughline ${given} list\` lists what there is\n`);
    }
    expect((await run('get job-2')).stderr).toContain('`throughline list` lists');
  });

  it('by default keeps its key from an address that an option names, and is not needed then', async () => {
    const home = await serve(() => answer(200, DONE));
    const other = await serve(() => answer(200, DONE));
    const { file, run } = await machine();
    await run(`config set production --url ${home.url} --api-key-stdin`, {}, KEY);
    await run(`get job-1 --json --url ${other.url}`);
    await writeFile(file, 'not JSON');
    await run(`get job-1 --json --url ${other.url} --api-key ${KEY}`);
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, `Bearer ${KEY}`]);
  });

  it('is used with a warning if others may read or change its key', async () => {
    const api = await serve(() => answer(200, DONE));
    const { file, run } = await machine();
    await run(`config set production --url ${api.url} --api-key-stdin`, {}, KEY);
    expect((await run('get job-1')).stderr).toBe('');
    for (const mode of [0o640, 0o602]) {
      await chmod(file, mode);
      expect((await run('get job-1')).stderr).toContain(`chmod 600 ${file}`);
    }
  });

  it.each(['', '\n', ' \r\n'])('cannot have an empty key: %j', async (stdin) => {
    const { file, run } = await machine();
    await run('config set production --url https://jobs.test');
    const kept = await readFile(file, 'utf8');
    const { code, stderr } = await run('config set production --api-key-stdin', {}, stdin);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: standard input is empty: the key for the API was expected\n',
    });
    expect(await readFile(file, 'utf8')).toBe(kept);
  });

  it('is kept beside those that others set at the same time', async () => {
    const { run, file } = await machine();
    const names = Array.from({ length: 20 }, (_none, index) => `p${index}`);
    const ended = await Promise.all(names.map((name) => run(`config set ${name} --url http://127.0.0.1:1`)));
    expect(ended.map(({ code }) => code)).toEqual(names.map(() => 0));
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')).profiles).sort()).toEqual(names.sort());
  });

  it('is not set where a process was killed while it set one, and the way out is said', async () => {
    const { run, file } = await machine();
    expect((await run('config set kept --url http://127.0.0.1:1')).code).toBe(0);
    await writeFile(`${file}.lock`, '');
    const ended = await run('config set lost --url http://127.0.0.1:1');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(`one was killed: rm ${file}.lock`);
  }, 20_000);

  it('that is refused makes no folder', async () => {
    const { run, file } = await machine();
    expect((await run('config use nowhere')).code).toBe(2);
    await expect(lstat(path.dirname(file))).rejects.toThrow('ENOENT');
  });

  it('is kept where a link leads', async () => {
    const { file, run } = await machine();
    await run('config set production --url https://jobs.test');
    await rename(file, `${file}.kept`);
    await symlink(`${file}.kept`, file);
    await run('config set staging --url https://staging.test');
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(Object.keys(JSON.parse(await readFile(`${file}.kept`, 'utf8')).profiles)).toHaveLength(2);
  });

  it('is listed without its key, in a file that only the user may read', async () => {
    const { file, run } = await machine();
    await run('config set production --url https://jobs.test --api-key-stdin', {}, KEY);
    const { stdout } = await run('config list --json');
    expect(JSON.parse(stdout)).toEqual({
      profiles: [{ name: 'production', url: 'https://jobs.test', hasKey: true, isDefault: true }],
    });
    expect((await run('config list')).stdout).toBe('*  production  https://jobs.test  with a key\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toContain(KEY);
  });

  it('keeps what is not given again, and is gone when it is removed', async () => {
    const { file, run } = await machine();
    await run('config set production --url https://jobs.test --api-key-stdin', {}, KEY);
    await run('config set production --traces-url https://traces.test');
    expect(JSON.parse(await readFile(file, 'utf8')).profiles.production).toEqual({
      url: 'https://jobs.test',
      apiKey: KEY,
      tracesUrl: 'https://traces.test',
    });
    expect((await run('config remove production')).code).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ profiles: {} });
  });

  it.each([
    ['config set production --url nonsense', 'must be a URL'],
    ['config set production', 'what should the profile hold?'],
    ['config set a/b --url https://jobs.test', 'A profile is 1 to 64'],
    ['config set __proto__ --url https://jobs.test', 'begins with a letter or digit'],
    ['config use nobody', 'there is no profile nobody; there is none'],
    ['config remove toString', 'there is no profile toString; there is none'],
    ['get job-1 --profile nobody', 'there is no profile nobody; there is none'],
  ])('is refused with a sentence, and nothing is written: %s', async (line, message) => {
    const { file, run } = await machine();
    const { code, stderr } = await run(line);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    await expect(stat(file)).rejects.toThrow();
  });

  it.each([
    ['[]', ': the whole: '],
    ['{"profiles":[]}', '/profiles: '],
    [
      '{"profiles":{"a":{"apiKey":12345678901234567890123}}}',
      '/profiles/a/apiKey: Invalid input: expected string, received number\n',
    ],
    ['{"profiles":{"a":{"uri":"http://127.0.0.1:1"}}}', '/profiles/a: Unrecognized key: "uri"'],
    ['{\n  "profiles": {},\n}\n', ': it is not JSON: line 3, column 1'],
    ['{"profiles":{"a":{"url":"http://x"},"a":{}}}', '/profiles/a: this name is there twice'],
  ])(
    'in a file that is not valid is named with the file, and the place in it: %s',
    async (content, place) => {
      const { file, run } = await machine();
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
      const { code, stderr } = await run('get job-1');
      expect(code).toBe(2);
      expect(stderr).toContain(`the file of profiles is not valid: ${file}`);
      expect(stderr).toContain(place);
    },
  );
});

describeOptions({
  bases: {
    'config list': [[]],
    'config set': [['new'], ['new', '--url', 'https://jobs.test']],
    'config use': [['other']],
    'config remove': [['other']],
  },
  values: {
    '--url': ['https://jobs.test'],
    '--api-key-stdin': [],
    '--traces-url': ['https://traces.test'],
    '--logs-url': ['https://logs.test/{jobId}'],
    '--json': [],
    '--debug': [],
    '--api-key': [KEY],
  },
  scenarios: ['works', 'misused'],
  look: async (args, scenario) => {
    const { file, run } = await machine();
    if (scenario === 'works') {
      await run('config set first --url https://first.test');
      await run('config set other --url https://other.test');
    }
    const failing = scenario === 'misused' ? ' --no-such-option' : '';
    const { code, stdout, stderr } = await run(args.join(' ') + failing, {}, KEY);
    const written = await readFile(file, 'utf8').catch(() => '');
    const before = JSON.stringify({
      default: 'first',
      profiles: { first: { url: 'https://first.test' }, other: { url: 'https://other.test' } },
    });
    const isChanged = written !== '' && JSON.stringify(JSON.parse(written)) !== before;
    const settled = stderr.replace(/^ +at .*$/gm, 'at …');
    return { code, stdout, stderr: settled, requests: isChanged ? [written] : [] };
  },
});
