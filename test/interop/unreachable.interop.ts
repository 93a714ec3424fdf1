import { expect, it } from 'vitest';
import { Program } from '../../cli/conformance/program/program.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { LANGUAGES, programsOf } from './languages.ts';

const PATIENCE_MS = 60_000;

it.for(
  LANGUAGES.flatMap(({ name }) => (['worker', 'producer'] as const).map((kind) => [name, kind] as const)),
)(
  'the %s example: a %s that cannot reach NATS ends with one line that names the address, without the password',
  async ([name, kind], { skip }) => {
    const command = (await programsOf(name, skip))[kind];
    const address = `127.0.0.1:${await findFreePort()}`;
    const lines: string[] = [];
    const program = await Program.start({
      command,
      onLine: (line) => void lines.push(line),
      environment: {
        ...hostEnvironment(),
        NATS_URL: `nats://somebody:secret@${address}`,
        CONFORMANCE_TENANT: 'acme',
        CONFORMANCE_OPERATION: 'conformance.echo',
        CONFORMANCE_INPUT: '1',
      },
    });
    const code = await program.endWithin(PATIENCE_MS);
    await program.kill();
    expect(lines).toEqual([expect.stringMatching(`NATS at ${address} cannot be reached: .`)]);
    expect(lines[0]).not.toContain('secret');
    expect(code).toEqual(expect.any(Number));
    expect(code).not.toBe(0);
  },
);
