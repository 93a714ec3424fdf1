import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../dev/machine/command.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { locatePrometheus, type Prometheus } from './support/prometheus.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/observability');
/** As long as a test may take: promtool computes for seconds, which other work may slow down tenfold. */
const TIMEOUT_MS = 180_000;

let programs: Prometheus | string;

beforeAll(async () => {
  programs = await locatePrometheus();
});

/** Runs promtool. @throws an Error with what it says is wrong */
async function promtool(
  args: readonly string[],
  skip: (note: string) => never,
  cwd = FOLDER,
): Promise<string> {
  if (typeof programs === 'string') return skip(programs);
  return await runCommand(programs.promtool, args, { cwd, timeoutMs: TIMEOUT_MS });
}

describe('the alerts', () => {
  it('are rules that Prometheus takes', async ({ skip }) => {
    expect(await promtool(['check', 'rules', 'alerts.yaml'], skip)).toContain('SUCCESS');
  });

  it('fire for their faults, each alone', async ({ skip }) => {
    expect(await promtool(['test', 'rules', 'alerts.test.yaml'], skip)).toContain('SUCCESS');
  });

  it('are tested by tests that can fail', async ({ skip }) => {
    const folder = await scratchFolder();
    const rules = await readFile(join(FOLDER, 'alerts.yaml'), 'utf8');
    const tests = await readFile(join(FOLDER, 'alerts.test.yaml'), 'utf8');
    // The first alone: all of them take seconds.
    await writeFile(join(folder, 'first.yaml'), tests.split('\n  - name: ', 2).join('\n  - name: '));
    await writeFile(join(folder, 'alerts.yaml'), rules);
    expect(await promtool(['test', 'rules', 'first.yaml'], skip, folder)).toContain('SUCCESS');
    await writeFile(
      join(folder, 'alerts.yaml'),
      rules.replace('throughline_bridge_worker_hosts) == 0', 'x) == 0'),
    );
    await expect(promtool(['test', 'rules', 'first.yaml'], skip, folder)).rejects.toThrow('promtool test');
  });
});

describe('the configuration of Prometheus', () => {
  it('is one that Prometheus takes, with the edge in it too', async ({ skip }) => {
    const folder = await scratchFolder();
    const text = await readFile(join(FOLDER, 'prometheus.yaml'), 'utf8');
    const withEdge = text.replaceAll(
      /^ {2}#( ? ?)(- job_name|scheme|authorization|static_configs)/gm,
      '  $1$2',
    );
    expect(withEdge).toContain('\n  - job_name: throughline-edge');
    const placed = withEdge.replace('/etc/prometheus/alerts.yaml', join(FOLDER, 'alerts.yaml'));
    await writeFile(join(folder, 'prometheus.yaml'), placed);
    expect(await promtool(['check', 'config', 'prometheus.yaml'], skip, folder)).toContain('SUCCESS');
  });
});
