import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readJobInput } from '../../../cli/input/job-input.ts';
import { readProfiles } from '../../../cli/profiles.ts';
import { OtlpFile } from '../../../cli/trace/stores/otlp-file.ts';
import { readRegularFile } from '../../../create/regular-file.ts';
import { fileFault } from '../../../shared/text/file-fault.ts';
import { scratchFolder } from '../../support/cleanup.ts';

it('a file is read without the mark that editors of Windows put at its beginning', async () => {
  const file = path.join(await scratchFolder(), 'marked.txt');
  await writeFile(file, '\ufefftext\r\n');
  expect(await readRegularFile(file)).toBe('text\r\n');
});

it.skipIf(process.platform === 'win32')(
  'a pipe and a device are not read, since they may never end',
  async () => {
    const pipe = path.join(await scratchFolder(), 'pipe');
    spawnSync('mkfifo', [pipe]);
    for (const file of [pipe, '/dev/zero']) {
      const thrown = await readRegularFile(file).catch((error: unknown) => error);
      expect(fileFault(thrown)).toBe('it is a pipe, a socket or a device, which may never end');
    }
  },
);

it.skipIf(process.platform === 'win32')(
  'a file of traces may be no device, and an input without end is cut off',
  async () => {
    const { signal } = new AbortController();
    const traces = new OtlpFile('file:///dev/zero').read('0af7651916cd43dd8448eb211c80319c', signal);
    await expect(traces).rejects.toThrow('it is a pipe, a socket or a device, which may never end');
    const input = readJobInput('@/dev/zero', { stdin: Readable.from([]), signal });
    await expect(input).rejects.toThrow('the file "/dev/zero" is larger than');
  },
);

it('profiles that were saved with such a mark are read', async () => {
  const home = await scratchFolder();
  spawnSync('mkdir', ['-p', path.join(home, 'throughline')]);
  const profiles = { a: { url: 'http://api.example' } };
  await writeFile(path.join(home, 'throughline/config.json'), `\ufeff${JSON.stringify({ profiles })}\r\n`);
  expect(await readProfiles({ XDG_CONFIG_HOME: home })).toEqual({ profiles });
});
