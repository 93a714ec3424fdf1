import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { SemanticAttributes as all } from '@opentelemetry/semantic-conventions';
import { expect, it } from 'vitest';
import { SemanticAttributes } from '../../../dev/edge/semantic-attributes.ts';

it('has the values of the package, for each name that the instrumentation reads', async () => {
  const file = fileURLToPath(import.meta.resolve('@microlabs/otel-cf-workers'));
  const source = await readFile(file, 'utf8');
  const names = [...source.matchAll(/SemanticAttributes\.([A-Z_]+)/g)].map(([, name]) => name ?? '');
  expect([...new Set(names)].sort()).toEqual(Object.keys(SemanticAttributes).sort());
  expect(all).toMatchObject(SemanticAttributes);
});
