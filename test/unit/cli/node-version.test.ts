import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../../cli/exit-code.ts';
import { EXIT_NODE_TOO_OLD, nodeProblem } from '../../../cli/node-version.ts';

const run = promisify(execFile);
const START = fileURLToPath(new URL('../../../cli/start.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

/** Code that makes this Node say that it is another one. */
const pretend = (version: string): string =>
  `data:text/javascript,${encodeURIComponent(
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`,
  )}`;

describe('a Node', () => {
  it.each(['18.20.4', '20.19.5', '22.17.1', '22.9.0', '9.0.0'])('%s is too old', (version) => {
    expect(nodeProblem(version)).toMatch(`needs Node 22.18.0 or newer, and this is Node ${version}`);
  });

  it.each(['22.18.0', '22.20.1', '23.0.0', '24.0.0', '24.21.0', '100.0.0-nightly'])(
    '%s is new enough',
    (version) => {
      expect(nodeProblem(version)).toBeUndefined();
    },
  );

  it.each(['worker', 'submit'])(
    'that is too old ends `throughline %s` with one sentence',
    async (command) => {
      const ended = run(process.execPath, ['--import', pretend('20.19.5'), MAIN, command], { env: {} });
      await expect(ended).rejects.toMatchObject({
        code: EXIT.settings.code,
        stdout: '',
        stderr: expect.stringMatching(/^throughline needs Node .* this is Node 20\.19\.5\. .*\n$/),
      });
      expect(EXIT_NODE_TOO_OLD).toBe(EXIT.settings.code);
    },
  );

  it('that cannot run TypeScript says the same, where the program runs from its sources', async () => {
    const flags = ['--no-experimental-strip-types', '--import', pretend('20.19.5')];
    const ended = run(process.execPath, [...flags, START, 'worker'], { env: {} });
    await expect(ended).rejects.toMatchObject({
      code: EXIT.settings.code,
      stdout: '',
      stderr: `${nodeProblem('20.19.5')}\n`,
    });
  });

  it('that is new enough, and may not read TypeScript, names the flag', async () => {
    const ended = run(process.execPath, [START, 'worker'], { env: { NODE_OPTIONS: '--no-strip-types' } });
    await expect(ended).rejects.toMatchObject({
      code: EXIT.settings.code,
      stderr: expect.stringContaining(
        'take --no-strip-types and --no-experimental-strip-types out of NODE_OPTIONS',
      ),
    });
  });

  it('that is new enough starts the program', async () => {
    const { stdout } = await run(process.execPath, [START, '--version'], { env: {} });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
