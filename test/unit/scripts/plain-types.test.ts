import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { PlainTypes } from '../../../scripts/packages/plain-types.ts';
import { scratchFolder } from '../../support/cleanup.ts';

const TSC = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);
const SETTINGS = {
  target: 'ES2024',
  lib: ['ES2024'],
  module: 'nodenext',
  types: [],
  strict: true,
  checkers: 1,
};
/** A schema with types of another package, some of which have a name only inside a namespace of it. */
const SOURCE = `
import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as z from 'zod';

const Definition = z.object({
  name: z.string(),
  input: z.custom<StandardSchemaV1<unknown, string>>(),
  steps: z.array(z.union([z.object({ run: z.string() }), z.object({ wait: z.number().optional() })])),
  flags: z.array(z.boolean()),
  levels: z.array(z.array(z.enum(['low', 'high']))),
  listeners: z.array(z.custom<(event: string) => number>()),
  listener: z.custom<(event: string) => number>().optional(),
  then: z.custom<(result: StandardSchemaV1.Result<string>) => Promise<StandardSchemaV1.Options>>(),
});
export type Definition = z.output<typeof Definition>;
`;

/** What a project does with the type: each part has the type that zod infers. */
const USE = `
import type { Definition } from './definition.js';

export const steps = ({ steps }: Definition): (string | number | undefined)[] =>
  steps.map((step) => ('run' in step ? step.run : step.wait));
export const flags = ({ flags }: Definition): boolean[] => flags.map((flag) => !flag);
export const levels = ({ levels }: Definition): ('low' | 'high')[] => levels.flatMap((level) => level);
export const called = ({ listeners, listener }: Definition): number[] =>
  [...listeners, listener ?? (() => 0)].map((listen) => listen('now'));
`;

it('a plain type is the one that zod infers, and names the types of other packages so that it compiles by itself', async () => {
  const folder = await scratchFolder();
  await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await mkdir(path.join(folder, 'src'));
  await writeFile(path.join(folder, 'src/definition.ts'), SOURCE);
  const emit = { declaration: true, emitDeclarationOnly: true, rootDir: 'src', outDir: 'dist' };
  const build = { ...SETTINGS, ...emit, skipLibCheck: true };
  await compile(folder, 'tsconfig.json', { compilerOptions: build, include: ['src'] });
  const file = path.join(folder, 'dist/definition.d.ts');
  const types = new PlainTypes(path.join(folder, 'tsconfig.json'), path.join(folder, 'src'));
  const text = types.replaceIn('definition.d.ts', await readFile(file, 'utf8'));
  types.close();
  expect(text).not.toMatch(/zod|\bz\./);
  await writeFile(file, text);
  await writeFile(path.join(folder, 'dist/use.ts'), USE);
  const check = { ...SETTINGS, noEmit: true, skipLibCheck: false };
  const files = ['dist/definition.d.ts', 'dist/use.ts'];
  await compile(folder, 'tsconfig.check.json', { compilerOptions: check, files });
});

/** @throws Error with what the compiler finds */
async function compile(folder: string, name: string, config: object): Promise<void> {
  await writeFile(path.join(folder, name), JSON.stringify(config));
  const options = { timeoutMs: 60_000, cwd: folder, environment: hostEnvironment() };
  await runCommand(process.execPath, [TSC, '-p', name], options).catch((thrown: Error) => {
    expect.fail((thrown.cause as { readonly stdout?: string } | undefined)?.stdout || thrown.message);
  });
}
