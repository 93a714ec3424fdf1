import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { otelTable } from '../../../scripts/settings/otel-table.ts';
import { OTEL_NAMES } from '../../../shared/trace/settings/otel-names.ts';
import { OTEL_SETTING_NAMES } from '../../../shared/trace/settings/otel-settings.ts';
import { OTEL_ROWS } from '../../../shared/trace/settings/otel-support.ts';
import { NODE_OTEL_SETTINGS } from '../../../worker-node/telemetry/sdk-settings.ts';

/** The variables that the SDK of Node reads by itself, and that our schemas do not check. */
const READ_BY_SDK = /_(?:CERTIFICATE|CLIENT_KEY)$/;

const honoured = (program: 'edge' | 'worker'): string[] =>
  OTEL_ROWS.filter((row) => row[program].isHonoured)
    .flatMap(({ names }) => names)
    .sort();

it('names each variable of the specification once', () => {
  expect(OTEL_ROWS.flatMap(({ names }) => names).sort()).toEqual([...OTEL_NAMES].sort());
});

it('says of exactly those that the edge reads that it honours them', () => {
  expect(honoured('edge')).toEqual([...OTEL_SETTING_NAMES].sort());
});

it('says of exactly those that the worker reads that it honours them', () => {
  const read = honoured('worker').filter((name) => !READ_BY_SDK.test(name));
  expect(read).toEqual(Object.keys(NODE_OTEL_SETTINGS).sort());
});

it('stands in docs/TELEMETRY.md', async () => {
  expect(await readFile('docs/TELEMETRY.md', 'utf8')).toContain(otelTable());
});
