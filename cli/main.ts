#!/usr/bin/env node
import { keepCompiledCode } from './compile-cache.ts';

// biome-ignore lint/style/noProcessEnv: the one place of the command line that reads it; everything else gets it passed.
const environment = process.env;
// Before the rest is loaded.
keepCompiledCode(environment);
const [{ runCli }, { EXIT }] = await Promise.all([import('./program.ts'), import('./exit-code.ts')]);

const args = process.argv.slice(2);
// OpenTelemetry reports the command line with every span; it may hold a key, and a job's input.
process.argv.length = 2;

let lost = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read this has had enough, as in `throughline get … | head -1`; the exit code still tells.
    lost ||= error.code !== 'EPIPE';
  });
}

const code = await runCli(args, {
  environment,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
});

// Connections may still be open, and must keep nobody waiting; what was written must arrive all the same.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
process.exit(lost ? EXIT.internal.code : code);
