import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../support/docs/pages.ts';
import { prepare, runShell, type Toolbox } from './toolbox.ts';

const PARSER: Toolbox = {
  generator: 'asyncapi',
  needs: ['node', 'npm'],
  install: 'npm ci --no-audit --no-fund --ignore-scripts',
  linked: 'node_modules',
};

it('the AsyncAPI document of the channels is valid for the tool of AsyncAPI', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-asyncapi-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const environment = await prepare(PARSER, folder);
  const document = path.join(ROOT, 'test/vectors/asyncapi.json');
  const { channels } = JSON.parse(await readFile(document, 'utf8'));
  const printed = await runShell(`node check.mjs ${document}`, folder, environment);
  expect(printed).toBe(`channels ${Object.keys(channels).length}\n`);
});

it('a broken document is not', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-asyncapi-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const environment = await prepare(PARSER, folder);
  const broken = `echo '{"asyncapi":"3.0.0","info":{"title":"x","version":"1"},"channels":{"a":{"address":1}}}' > broken.json`;
  const printed = await runShell(`${broken}\nnode check.mjs broken.json`, folder, environment);
  expect(printed).toContain('fault channels.a.address');
});
