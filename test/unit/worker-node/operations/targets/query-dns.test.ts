import { createSocket } from 'node:dgram';
import { ADDRCONFIG } from 'node:dns';
import { once } from 'node:events';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { TargetGuard } from '../../../../../worker-node/callbacks/target-guard.ts';
import { OpenAddresses } from '../../../../../worker-node/operations/targets/addresses.ts';
import { queryDns } from '../../../../../worker-node/operations/targets/query-dns.ts';
import { refusalOf } from '../../../support.ts';

const TYPES = { 1: 4, 28: 6 } as const;
const NO_SUCH_NAME = 3;

/** The addresses of the names that the name server knows. It gives no answer for a family that is undefined. */
const NAMES: Readonly<Record<string, Readonly<Record<4 | 6, readonly number[][] | undefined>>>> = {
  'both.example': { 4: [[8, 8, 8, 8]], 6: [[0x26, 6, 0x47, 0, ...Array(11).fill(0), 1]] },
  'old.example': { 4: [[8, 8, 4, 4]], 6: [] },
  'half.example': { 4: [[8, 8, 4, 4]], 6: undefined },
  'inner.example': { 4: [[10, 0, 0, 7]], 6: [] },
};

const { server, machine, resolvers } = vi.hoisted(() => ({
  server: { port: 0 },
  machine: { families: ['IPv4', 'IPv6'], isHidden: false },
  resolvers: [] as { cancel: () => void }[],
}));
/** The names that the name server was asked for. */
const asked: string[] = [];

vi.mock('node:dns', async (importOriginal) => {
  const dns = await importOriginal<typeof import('node:dns')>();
  /** Asks the name server of this file. */
  class Resolver extends dns.promises.Resolver {
    constructor(options: object) {
      super(options);
      this.setServers([`127.0.0.1:${server.port}`]);
      resolvers.push(this);
    }
  }
  return { ...dns, promises: { ...dns.promises, Resolver } };
});

vi.mock('node:os', async (importOriginal) => {
  const networkInterfaces = () => {
    if (machine.isHidden) throw new Error('uv_interface_addresses returned EAFNOSUPPORT');
    return {
      lo: ['IPv4', 'IPv6'].map((family) => ({ family, internal: true })),
      eth0: machine.families.map((family) => ({ family, internal: false })),
    };
  };
  return { ...(await importOriginal<typeof import('node:os')>()), networkInterfaces };
});

beforeAll(async () => {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const reply = replyTo(query);
    if (reply !== undefined) socket.send(reply, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  server.port = socket.address().port;
  return () => void socket.close();
});

/** The answer to a query (RFC 1035, section 4.1); undefined if there is none. */
function replyTo(query: Buffer): Buffer | undefined {
  const { name, end } = nameIn(query);
  asked.push(name);
  if (name.endsWith('.dead.example')) return undefined;
  const type = query.readUInt16BE(end) as keyof typeof TYPES;
  const known = NAMES[name];
  const addresses = known === undefined ? [] : known[TYPES[type]];
  if (addresses === undefined) return undefined;
  const head = Buffer.from(query.subarray(0, end + 4));
  head.writeUInt16BE(0x8180 | (known === undefined ? NO_SUCH_NAME : 0), 2);
  for (const [at, count] of [addresses.length, 0, 0].entries()) head.writeUInt16BE(count, 6 + 2 * at);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, address.length, ...address]),
  );
  return Buffer.concat([head, ...records]);
}

function nameIn(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

it.each([
  ['both.example', ['8.8.8.8', '2606:4700::1']],
  ['old.example', ['8.8.4.4']],
  ['half.example', ['8.8.4.4']],
])('DNS is asked for the addresses of both families: %s', async (name, addresses) => {
  expect((await queryDns(name)).map(({ address }) => address)).toEqual(addresses);
});

it.each([
  [['IPv4'], ['8.8.8.8']],
  [['IPv6'], ['2606:4700::1']],
  [
    ['IPv4', 'IPv6'],
    ['8.8.8.8', '2606:4700::1'],
  ],
  [[], ['8.8.8.8', '2606:4700::1']],
])('a socket of a machine with addresses of %j gets %j', async (families, addresses) => {
  machine.families = families;
  const found = await queryDns('both.example', { hints: ADDRCONFIG });
  expect(found.map(({ address }) => address)).toEqual(addresses);
});

it('a socket of a machine that hides its addresses, as a systemd unit may, gets both families', async () => {
  machine.isHidden = true;
  expect(await queryDns('both.example', { hints: ADDRCONFIG })).toHaveLength(2);
});

it('a name that DNS does not know is an error', async () => {
  await expect(queryDns('none.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

/** Looks up the name of a callback's receiver. */
function receiver(name: string): Promise<unknown> {
  const lookup = new TargetGuard('', new OpenAddresses('')).admit(new URL(`https://${name}/`));
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}

it('receivers of callbacks whose names DNS does not answer do not hold up those of others', async () => {
  const ended: string[] = [];
  const names = Array.from({ length: 20 }, (_, n) => `${n}.dead.example`);
  const dead = names.map((name) => receiver(name).catch(() => ended.push(name)));
  onTestFinished(async () => {
    for (const resolver of resolvers) resolver.cancel();
    await Promise.all(dead);
  });
  await vi.waitFor(() => expect(asked).toEqual(expect.arrayContaining(names)), 5_000);
  expect(await receiver('old.example')).toEqual([{ address: '8.8.4.4', family: 4 }]);
  expect(ended).toEqual([]);
});

it('a receiver of callbacks whose name leads to a closed address is refused', async () => {
  const error = await refusalOf(() => receiver('inner.example'));
  expect(error.message).toContain('inner.example leads to 10.0.0.7');
});
