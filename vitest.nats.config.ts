import { defineConfig } from 'vitest/config';
import { locateTestedServers, nameOf } from './test/support/nats/servers.ts';
import { ON_EACH_SERVER } from './vitest.config.ts';

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
          name: nameOf(natsServer),
          include: ON_EACH_SERVER,
          setupFiles: ['test/support/end-of-file.ts'],
          provide: { natsServer },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      })),
    },
  };
});
