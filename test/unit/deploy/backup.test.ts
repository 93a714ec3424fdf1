import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const NATS = fileURLToPath(new URL('../../../deploy/nats', import.meta.url));

it.each(['backup.sh', 'restore.sh'])('%s without a folder says how to name one', (script) => {
  for (const args of [[], ['']]) {
    const { status, stderr } = spawnSync('bash', [`${NATS}/${script}`, ...args], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(`which folder? Name it: ${script} /var/backups/throughline`),
    });
  }
});
