import { defineConfig } from 'vitest/config';
import { locateTestedServers, nameOf } from '../support/nats/servers.ts';
import { LIMITS, ON_EACH_SERVER } from './files.ts';

/** `npm run test:nats`: the deployment and a cluster, on each nats-server that Throughline is tested with. */
export default defineConfig(async () => {
  const warn = (line: string): void => void process.stderr.write(`${line}\n`);
  const servers = await locateTestedServers(warn);
  return {
    test: {
      globalSetup: ['test/support/global-setup.ts'],
      maxWorkers: 2,
      projects: servers.map((natsServer) => ({
        test: {
          ...LIMITS,
          name: nameOf(natsServer),
          include: ON_EACH_SERVER,
          provide: { natsServer },
        },
      })),
    },
  };
});
