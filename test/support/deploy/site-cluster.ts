import { until } from '../poll.ts';
import type { RunbookHost } from './runbook.ts';
import type { Site } from './site.ts';

/** The three servers that the runbook makes of the first one. */
export class SiteCluster {
  readonly hosts: readonly RunbookHost[];

  private constructor(hosts: readonly RunbookHost[]) {
    this.hosts = hosts;
  }

  /** Gives the two new machines the files of the first. No server is started. */
  static async make(site: Site): Promise<SiteCluster> {
    const first = await site.natsHost(1);
    const others = [await site.natsHost(2), await site.natsHost(3)];
    for (const [index, host] of others.entries()) {
      await site.hand(first, host, '/etc/throughline/tls');
      await host.step('nats-files');
      await site.hand(first, host, '/etc/throughline/nats.env');
      await site.hand(first, host, '/etc/throughline/nats');
      await site.fillNats(index + 2);
    }
    return new SiteCluster([first, ...others]);
  }

  /** Starts the servers one after the other, and waits until all are ready. */
  async start(): Promise<void> {
    for (const host of this.hosts) await host.step('cluster-start');
    for (const host of this.hosts) await ready(host);
  }

  /** Restarts the servers one after the other. */
  async restart(): Promise<void> {
    for (const host of this.hosts) {
      await host.shell('systemctl restart nats-server');
      await ready(host);
    }
  }
}

/** Waits until a server is there. As the page says, it is started again if it stays bad for a minute. */
async function ready(host: RunbookHost): Promise<void> {
  const healthz = 'curl --silent --fail http://127.0.0.1:8222/healthz';
  await until('the server', () => host.shell(healthz).then(() => true)).catch(() =>
    host.shell('systemctl restart nats-server'),
  );
  await host.step('cluster-ready');
}
