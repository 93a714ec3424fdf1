/** Brokers of other people, each in a folder and on ports of its own. They end with the test file. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { startChild } from '../../../dev/machine/child.ts';
import { runCommand } from '../../../dev/machine/command.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { toolEnvironment } from '../../generators/toolbox.ts';
import { atEndOfFile, scratchFolder } from '../../support/cleanup.ts';
import { until } from '../../support/poll.ts';
import { installed, unpacked } from './tools.ts';

const STOP_MS = 20_000;

/** Starts a program, and waits until it takes connections. */
async function startServer(
  command: string,
  args: readonly string[],
  port: number,
  more: NodeJS.ProcessEnv = {},
): Promise<void> {
  const lines: string[] = [];
  const child = await startChild({
    command,
    args,
    environment: { ...toolEnvironment(), ...more },
    output: { onLine: (line) => lines.push(line) },
  });
  atEndOfFile(() => child.terminate(STOP_MS));
  await until(
    `${path.basename(command)} to listen`,
    () => {
      if (!child.running) throw new Error(`it ended: ${lines.slice(-10).join('\n')}`);
      return listens(port);
    },
    60_000,
  );
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.end());
  });
}

/** Starts Kafka of Maven Central: one broker that is its own controller. @returns its address */
export async function startKafka(): Promise<string> {
  const folder = await scratchFolder();
  const port = await findFreePort();
  const controller = await findFreePort();
  const jars = path.join(await installed('kafka'), 'jars', '*');
  const file = path.join(folder, 'server.properties');
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': path.join(folder, 'data'),
    'num.partitions': 1,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'group.initial.rebalance.delay.ms': 0,
  };
  await writeFile(
    file,
    Object.entries(settings)
      .map((pair) => pair.join('='))
      .join('\n'),
  );
  const id = '4L6g3nShT-eMCtK--X86sw';
  const format = ['-cp', jars, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', file];
  await runCommand('java', format, { timeoutMs: 60_000, environment: toolEnvironment() });
  await startServer('java', ['-Xmx512m', '-cp', jars, 'kafka.Kafka', file], port);
  return `127.0.0.1:${port}`;
}

const RABBITMQ = [
  'base',
  'asn1',
  'crypto',
  'eldap',
  'ftp',
  'inets',
  'mnesia',
  'os-mon',
  'parsetools',
  'public-key',
  'runtime-tools',
  'snmp',
  'ssl',
  'syntax-tools',
  'tftp',
  'tools',
  'xmerl',
].map((name) => `erlang-${name}`);

/** Starts Debian's RabbitMQ, with a mapper of Erlang's own (`epmd`) on a free port. @returns its URL */
export async function startRabbitmq(): Promise<string> {
  const root = await unpacked('rabbitmq', ['rabbitmq-server', ...RABBITMQ]);
  const folder = await scratchFolder();
  const port = await findFreePort();
  const distribution = await findFreePort();
  const mapper = await findFreePort();
  const bin = path.join(folder, 'bin');
  await mkdir(bin);
  // Debian's script has the path at which the package would be installed.
  const erlang = path.join(root, 'usr/lib/erlang');
  const script = (await readFile(path.join(erlang, 'bin/erl'), 'utf8')).replaceAll('/usr/lib/erlang', erlang);
  await writeFile(path.join(bin, 'erl'), script);
  await chmod(path.join(bin, 'erl'), 0o755);
  const servers = path.join(root, 'usr/lib/rabbitmq/lib');
  const home = path.join(servers, (await readdir(servers))[0] ?? '');
  const { PATH = '' } = toolEnvironment();
  const environment = {
    PATH: [bin, path.join(erlang, 'bin'), PATH].join(path.delimiter),
    HOME: folder,
    SYS_PREFIX: folder,
    RABBITMQ_HOME: home,
    RABBITMQ_LOGS: '-',
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: 'throughline@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: path.join(folder, 'mnesia'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'plugins'),
    RABBITMQ_PID_FILE: path.join(folder, 'pid'),
  };
  await startServer(path.join(erlang, 'bin/epmd'), [], mapper, environment);
  await startServer(path.join(home, 'sbin/rabbitmq-server'), [], port, environment);
  return `amqp://guest:guest@127.0.0.1:${port}`;
}

export interface Redis {
  readonly url: string;
  /** Runs a command of Redis. @returns what `redis-cli` prints */
  readonly command: (...args: readonly string[]) => Promise<string>;
}

/** Starts Debian's Redis, in memory. */
export async function startRedis(): Promise<Redis> {
  const root = await unpacked('redis', ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1']);
  const folder = await scratchFolder();
  const port = await findFreePort();
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const environment = { LD_LIBRARY_PATH: path.join(root, `usr/lib/${machine}-linux-gnu`) };
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  await startServer(path.join(root, 'usr/bin/redis-server'), settings, port, environment);
  const options = { timeoutMs: 10_000, environment: { ...toolEnvironment(), ...environment } };
  return {
    url: `redis://127.0.0.1:${port}/0`,
    command: (...args) =>
      runCommand(path.join(root, 'usr/bin/redis-cli'), ['-p', String(port), ...args], options),
  };
}

/** Starts ElasticMQ of Maven Central, which speaks the protocol of Amazon SQS and has its limits. @returns its URL */
export async function startSqs(): Promise<string> {
  const folder = await scratchFolder();
  const port = await findFreePort();
  const jars = path.join(await installed('sqs'), 'jars', '*');
  const file = path.join(folder, 'elasticmq.conf');
  const settings = [
    'include classpath("application.conf")',
    `node-address { host = "127.0.0.1", port = ${port} }`,
    `rest-sqs { bind-hostname = "127.0.0.1", bind-port = ${port} }`,
    'rest-stats { enabled = false }',
  ];
  await writeFile(file, settings.join('\n'));
  await startServer('java', [`-Dconfig.file=${file}`, '-cp', jars, 'org.elasticmq.server.Main'], port);
  return `http://127.0.0.1:${port}`;
}
