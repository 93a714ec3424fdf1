import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { scratchFolder } from '../support/cleanup.ts';
import { DEPLOY_FOLDER } from '../support/nats/deployed-nats.ts';
import { startTestNats, testNatsBinary } from '../support/nats/nats.ts';

const run = promisify(execFile);
const COUNT = 1_000;
/** So many of them connect: nats-server may also take a password and read another value. */
const CONNECTING = 100;

/** The command that nats.env.example gives for a password. */
async function passwordCommand(): Promise<string> {
  const example = await readFile(path.join(DEPLOY_FOLDER, 'nats.env.example'), 'utf8');
  const [, command] = /^# Make each password with `([^`]+)`/m.exec(example) ?? [];
  if (command === undefined) throw new Error('nats.env.example gives no command for a password');
  return command;
}

/** Each password has a variable of its own, as the four of nats.env.example have. */
function variablesOf(passwords: readonly string[]): Record<string, string> {
  return Object.fromEntries(passwords.map((password, n) => [`PASSWORD_${n}`, password]));
}

function usersOf(passwords: readonly string[]): string {
  const users = passwords.map((_, n) => `{user: user-${n}, password: $PASSWORD_${n}}`);
  return `authorization { users: [\n${users.join('\n')}\n] }`;
}

async function complaint(passwords: readonly string[]): Promise<string> {
  const file = path.join(await scratchFolder(), 'users.conf');
  await writeFile(file, usersOf(passwords));
  const { path: program } = testNatsBinary();
  return await run(program, ['-t', '-c', file], { env: variablesOf(passwords) }).then(
    () => '',
    ({ stderr }: { stderr: string }) => stderr,
  );
}

it(`nats-server takes each of ${COUNT} passwords that were made as nats.env.example says, and means the same by them`, async () => {
  const command = await passwordCommand();
  const loop = `for n in $(seq ${COUNT}); do ${command}; done`;
  const passwords = (await run('sh', ['-c', loop])).stdout.trim().split('\n');
  expect(new Set(passwords).size).toBe(COUNT);
  expect(await complaint(passwords)).toBe('');
  const server = await startTestNats({
    configure: ({ port, portsDir, storeDir }) => ({
      text: [
        `host: 127.0.0.1\nport: ${port}\nports_file_dir: ${JSON.stringify(portsDir)}`,
        `jetstream { store_dir: ${JSON.stringify(storeDir)} }`,
        usersOf(passwords),
      ].join('\n'),
      environment: variablesOf(passwords),
    }),
  });
  onTestFinished(() => server.stop());
  for (const [n, pass] of passwords.slice(0, CONNECTING).entries())
    await (await connect({ servers: server.url, user: `user-${n}`, pass })).close();
});

it('nats-server refuses some of the numbers that the same command makes without the letter', async () => {
  expect(await complaint(['12e44'])).toContain('could not be parsed');
});
