import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Host } from '../../../cli/host.ts';
import { createProgram } from '../../../cli/program.ts';
import { runLocal } from '../../support/cli/process.ts';

const silent = { write: () => undefined };
const host = new Host({ environment: {}, stdin: Readable.from([]), stdout: silent, stderr: silent });
const namesFor = async (args: readonly string[]): Promise<string[]> =>
  (await createProgram(host, args)).commands.map((command) => command.name());

const all = await namesFor([]);

describe('a command line', () => {
  it.each(all.filter((name) => name !== 'completion' && name !== 'man'))(
    'that begins with %s loads only this command',
    async (name) => {
      expect(await namesFor([name, '--help'])).toEqual([name]);
    },
  );

  it.each([['--version'], ['--version', 'get']])(
    'that asks for the version loads none: %s',
    async (...args) => {
      expect(await namesFor(args)).toEqual([]);
    },
  );

  it.each([['help', 'get'], ['--json', 'get'], ['completion'], ['man'], ['gett'], ['constructor']])(
    'that may be about any command loads them all: %s',
    async (...args) => {
      expect(await namesFor(args)).toEqual(all);
    },
  );
});

describe('the cache of compiled code', () => {
  it.each([
    ['that takes no new folders, and says that there is none', '/proc/caches'],
    ['that is a file', process.execPath],
  ])('keeps no command from its work in a place %s', async (_what, place) => {
    const ended = await runLocal(['--version'], { XDG_CACHE_HOME: place, NODE_COMPILE_CACHE: '' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });
});

/** Lets Node print each module that it looks for, and at the end its own that it has loaded. */
const PRINT_MODULES = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  const resolve = (name, context, next) => (process.stderr.write(name + '\\n'), next(name, context));
  registerHooks({ resolve });
  process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')));
`)}`;

/** What a command loads until it ends, where there is no NATS. */
async function modulesOf(...args: readonly string[]): Promise<string[]> {
  const { stderr } = await runLocal(args, { NODE_OPTIONS: PRINT_MODULES, NATS_URL: 'nats://127.0.0.1:1' });
  return stderr.split('\n');
}

describe("Node's fetch takes a sixteenth of the start of a worker", () => {
  const fetch = 'NativeModule internal/deps/undici/undici';

  it('so a worker, which may never need it, does not load it', async () => {
    expect(await modulesOf('worker')).not.toContain(fetch);
  });

  it('and a command that calls the API does', async () => {
    expect(await modulesOf('get', '0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11')).toContain(fetch);
  });
});

describe('what measures the width of text takes a tenth of the start of a worker', () => {
  const measure = 'string-width';

  it.each([['worker'], ['submit', 'echo'], ['setup'], ['verify']])(
    'so %s, which prints no table, does not load it',
    async (...args) => {
      expect(await modulesOf(...args)).not.toContain(measure);
    },
  );

  it('and a command with a table does', async () => {
    expect(await modulesOf('workers')).toContain(measure);
  });
});
