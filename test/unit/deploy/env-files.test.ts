import { globSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { workerConfig, workerWarnings } from '../../../worker-node/config.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { readByDocker, readByShell, readBySystemd } from '../../support/deploy/env-files.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DEPLOY = path.join(ROOT, 'deploy');
const FILES = globSync('{deploy,create/template}/**/*.env.example', { cwd: ROOT });

/** An env file with every line that is only proposed switched on. */
function withProposals(text: string): string {
  return text.replace(/^#(?=[A-Z][A-Z_0-9]*=)/gm, '');
}

describe.each(FILES)('%s', (name) => {
  it('gives the same values to systemd, to Docker, and to a shell, also the lines that it only proposes', async () => {
    const text = withProposals(await readFile(path.join(ROOT, name), 'utf8'));
    const file = path.join(await scratchFolder(), 'env');
    await writeFile(file, text);
    const byDocker = readByDocker(text);
    expect(Object.keys(byDocker).length).toBeGreaterThan(5);
    expect(readBySystemd(text)).toEqual(byDocker);
    expect(await readByShell('bash', file)).toEqual(byDocker);
    expect(await readByShell('dash', file)).toEqual(byDocker);
  });
});

it('deploy/worker/worker.env.example holds settings that the worker takes, and no others', async () => {
  const text = await readFile(path.join(DEPLOY, 'worker/worker.env.example'), 'utf8');
  const settings = { ...readByDocker(withProposals(text)), NATS_PASSWORD: 'secret' };
  expect(workerConfig(settings)).toMatchObject({ WORKER_OPERATIONS: ['>'], NATS_USER: 'worker' });
  expect(workerWarnings(settings)).toEqual([]);
});

describe('the three readers disagree', () => {
  it.each(['A="quoted"', "A='quoted'", 'A=a\\b', 'A="a b"'])('about %s', async (line) => {
    const file = path.join(await scratchFolder(), 'env');
    await writeFile(file, `${line}\n`);
    expect(readByDocker(line)).not.toEqual(readBySystemd(line));
    expect(await readByShell('bash', file)).toEqual(readBySystemd(line));
  });
});
