import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Toolbox } from '../generators/toolbox.ts';
import { ROOT } from '../support/deploy/runbook.ts';
import { COMPOSE, workplace } from './support/workplace.ts';

const KUBERNETES: Toolbox = {
  generator: 'kubernetes-validate',
  needs: ['python3'],
  install: 'python3 -m venv venv\nvenv/bin/python -m pip install --quiet --requirement requirements.txt',
  onPath: 'venv/bin',
};
const read = (file: string): Promise<string> => readFile(path.join(ROOT, 'deploy', file), 'utf8');

describe('deploy/kubernetes/worker.yaml', () => {
  const validate = 'kubernetes-validate --strict --kubernetes-version 1.37 worker.yaml';

  it("fits the schemas of Kubernetes' own API, and a field that is not there is found", async ({ skip }) => {
    const { folder, run } = await workplace(KUBERNETES, skip);
    const file = path.join(folder, 'worker.yaml');
    const text = await read('kubernetes/worker.yaml');
    await writeFile(file, text);
    expect(await run(validate)).toMatch(
      /deployment\/throughline-worker[\s\S]*poddisruptionbudget\/throughline-worker/,
    );
    await writeFile(file, text.replace('maxSurge:', 'maxSurplus:'));
    await expect(run(validate)).rejects.toThrow('maxSurplus');
  });

  it('gives a worker longer to stop than it takes, and removes no host before the next is ready', async () => {
    const text = await read('kubernetes/worker.yaml');
    const [, grace = ''] = /terminationGracePeriodSeconds: (\d+)/.exec(text) ?? [];
    const [, longest = ''] = /WORKER_STOP_TIMEOUT_MS \((\d+) s/.exec(text) ?? [];
    expect(Number(grace)).toBeGreaterThan(Number(longest));
    expect(text).toMatch(/readinessProbe:\s+httpGet:\s+path: \/readyz/);
    expect(text).toMatch(/livenessProbe:\s+httpGet:\s+path: \/healthz/);
    expect(text).toMatch(/rollingUpdate:\s+maxSurge: 1\s+maxUnavailable: 0/);
  });
});

const Project = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string(),
      build: z.unknown().optional(),
      ports: z.array(z.object({ host_ip: z.string().optional(), published: z.string() })).default([]),
      volumes: z.array(z.object({ type: z.string(), source: z.string().default('') })).default([]),
    }),
  ),
});

describe('deploy/compose/compose.yaml', () => {
  it('is a compose file, whose images are pinned, whose files are there, and which opens one port to others', async ({
    skip,
  }) => {
    const { folder, run } = await workplace(COMPOSE, skip);
    // The host's folder, with the env files as they are shipped.
    const etc = path.join(folder, 'etc');
    await run(`mkdir -p ${etc}/nats ${etc}/tls; touch ${etc}/tls/ca.crt; cp -r ${ROOT}deploy/compose/. .`);
    await writeFile(path.join(etc, 'nats.env'), await read('nats/nats.env.example'));
    await writeFile(path.join(etc, 'worker.env'), await read('worker/worker.env.example'));
    const text = await read('compose/compose.yaml');
    await writeFile(
      path.join(folder, 'compose.yaml'),
      text
        .replaceAll('/etc/throughline/', `${etc}/`)
        .replaceAll('../observability/', `${ROOT}deploy/observability/`),
    );
    const printed = await run('go tool cmd -no-interpolation -format json compose.yaml');
    const { services } = Project.parse(JSON.parse(printed));
    expect(Object.keys(services).sort()).toEqual(
      ['collector', 'grafana', 'jaeger', 'nats', 'prometheus', 'setup', 'worker'].sort(),
    );
    for (const { image, build } of Object.values(services))
      expect(build === undefined ? image : 'built:1.0.0').toMatch(/:v?\d+\.\d+\.\d+/);
    const open = Object.values(services).flatMap(({ ports }) =>
      ports.filter(({ host_ip }) => host_ip === undefined),
    );
    expect(open.map(({ published }) => published)).toEqual(['8443']);
    const bound = Object.values(services).flatMap(({ volumes }) =>
      volumes.filter(({ type }) => type === 'bind'),
    );
    for (const { source } of bound) await run(`test -e ${source.replaceAll('/etc/throughline/', `${etc}/`)}`);
  });

  it('has a nats-server that the runbook is tested with', async () => {
    const [, version] = /image: nats:([\d.]+)-/.exec(await read('compose/compose.yaml')) ?? [];
    expect(await read('README.md')).toMatch(new RegExp(`^\\| ${version} \\|`, 'm'));
  });
});
