import { describe, expect, it, onTestFinished } from 'vitest';
import type { NatsServer } from '../../../dev/nats-server/start.ts';
import { leaves } from '../../support/cli/flags.ts';
import { runHere } from '../../support/cli/in-process.ts';
import { startTestNats } from '../../support/nats/nats.ts';

async function setUp(nats: NatsServer, ...args: readonly string[]) {
  return await runHere(['setup', ...args], { environment: { NATS_URL: nats.url } });
}

async function newNats(): Promise<NatsServer> {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  return nats;
}

describe('throughline setup', () => {
  it('has the options of this test', () => {
    const [{ options } = expect.fail()] = leaves().filter(({ name }) => name === 'setup');
    expect(options.map(({ long }) => long)).toEqual(['--check', '--replicas', '--json', '--debug']);
  });

  it('--check changes nothing, and --json prints the same as a document', async () => {
    const nats = await newNats();
    const checked = await setUp(nats, '--check', '--json');
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.stdout)).toMatchObject({ ok: false });
    expect(await setUp(nats, '--check', '--json')).toEqual(checked);
    expect((await setUp(nats)).code).toBe(0);
    expect((await setUp(nats, '--check')).code).toBe(0);
  });

  it.each([[[]], [['--check']], [['--json']], [['--check', '--json']]])(
    '--replicas changes something beside %j',
    async (others) => {
      const nats = await newNats();
      await setUp(nats);
      expect(await setUp(nats, '--replicas', '3', ...others)).not.toEqual(await setUp(nats, ...others));
    },
  );

  it('--debug and --json show an error in their way', async () => {
    const environment = { NATS_URL: 'nonsense' };
    const seen = await Promise.all(
      [[], ['--debug'], ['--json'], ['--debug', '--json']].map((args) =>
        runHere(['setup', ...args], { environment }),
      ),
    );
    expect(new Set(seen.map(({ stderr }) => stderr)).size).toBe(4);
  });
});
