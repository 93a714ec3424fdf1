import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Host } from '../../../cli/host.ts';
import { createProgram } from '../../../cli/program.ts';

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

  it.each([['help', 'get'], ['--json', 'get'], ['completion'], ['man'], ['gett'], ['constructor']])(
    'that may be about any command loads them all: %s',
    async (...args) => {
      expect(await namesFor(args)).toEqual(all);
    },
  );
});
