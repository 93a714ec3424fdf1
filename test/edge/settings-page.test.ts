import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { cliConfig, terminalConfig } from '../../cli/config.ts';
import { edgeSettings } from '../../edge/config.ts';
import { SECTIONS, settingsPage } from '../../scripts/settings/page.ts';
import { parseConfig } from '../../shared/config.ts';
import { OTEL_NAMES } from '../../shared/trace/settings/otel-names.ts';
import { workerConfig } from '../../worker-node/config.ts';
import { readNodeOtelSettings } from '../../worker-node/telemetry/sdk-settings.ts';
import { PAGES, textOf } from '../support/docs/pages.ts';
import { SUITE_SETTINGS } from '../support/suite-settings.ts';
import { edgeEnv } from './support/edge-env.ts';

type Values = Readonly<Record<string, string>>;

const page = await readFile(join(import.meta.dirname, '../../docs/SETTINGS.md'), 'utf8');

/** Pages that also name constants of the code, and pages about other programs. */
const ABOUT_THE_CODE = [
  'docs/ARCHITECTURE.md',
  'docs/PROTOCOL.md',
  'docs/decisions/',
  'deploy/',
  'CHANGELOG.md',
];
/** Names that other programs read (those of docs/CALLERS.md and of benches among them), and buckets of NATS. */
const OF_OTHERS =
  /^(?:NODE|NATS|XDG|KV|OTEL_NODE)_|^(?:THROUGHLINE_CACHE_DIR|CALLBACK_URL|BULLMQ_FOLDER|REDIS_SERVER|GRAPHILE_FOLDER|POSTGRES_BIN)$/;

/** What each program reads when these values are given, by the title of its section. */
const READERS: Readonly<Record<string, (given: Values) => unknown>> = {
  'The edge': (given) => edgeSettings(edgeEnv(given)).config,
  'The worker': workerConfig,
  'The command line': (given) => [cliConfig(given, {}), terminalConfig(given)],
  OpenTelemetry: (given) => edgeSettings(edgeEnv(given)).config,
  "OpenTelemetry's SDK for Node": (given) => readNodeOtelSettings(given).settings,
  'The test suites': (given) => parseConfig(z.object(SUITE_SETTINGS), given),
};

/** The settings of which the page says the default as a value, and those that it says are required. */
const rows = page.split(/^## /m).flatMap((section) => {
  const title = section.slice(0, section.indexOf('\n'));
  return [...section.matchAll(/^\| `([A-Z_]+)` \| [^|]+ \| ([^|]+) \|/gm)].map(
    ([, name = '', fallback = '']) => ({ title, name, fallback }),
  );
});
const defaults = rows.flatMap(({ fallback, ...row }) => {
  const [, value] = /^`([^`]+)`(?: \([^)]+\))?$/.exec(fallback) ?? [];
  return value === undefined ? [] : [{ ...row, value }];
});

describe('docs/SETTINGS.md', () => {
  it('is what `npm run settings` writes', () => {
    expect(page).toBe(settingsPage());
  });

  it.each(SECTIONS)('explains each setting once: $title', ({ title, schemas, groups }) => {
    const explained = groups.flatMap(({ texts }) => Object.keys(texts));
    // What OpenTelemetry has everywhere is explained once, in the section before.
    const elsewhere = title.includes('SDK for Node')
      ? Object.keys(schemas).filter((name) =>
          rows.some((row) => row.name === name && row.title === 'OpenTelemetry'),
        )
      : [];
    expect([...new Set([...explained, ...elsewhere])].toSorted()).toEqual(Object.keys(schemas).toSorted());
    expect(explained.length).toBe(new Set(explained).size);
  });

  it('has the defaults of most settings', () => {
    expect(defaults.length).toBeGreaterThan(rows.length / 2);
  });

  it.each(defaults)('says the default of $name ($title) as the parser has it', ({ title, name, value }) => {
    const read = READERS[title];
    if (read === undefined) throw new Error(`nobody reads the section ${title}`);
    expect(read({ [name]: value })).toEqual(read({}));
  });

  it.each(rows.filter(({ fallback }) => fallback === '**required**'))(
    'says that $name is required, and nothing starts without it',
    ({ title, name }) => {
      expect(title).toBe('The edge');
      expect(() => edgeSettings(edgeEnv({ [name]: undefined }))).toThrow(new RegExp(`\\b${name}: `));
    },
  );

  it('has every setting that a guide names', () => {
    const guides = PAGES.filter((name) => !ABOUT_THE_CODE.some((folder) => name.startsWith(folder)));
    const named = guides.flatMap((guide) =>
      [...textOf(guide).matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)].map(([, name = '']) => name),
    );
    expect(named.length).toBeGreaterThan(30);
    // docs/TELEMETRY.md also says which variables of OpenTelemetry's specification are not honoured.
    const known = new Set([...rows.map(({ name }) => name), ...OTEL_NAMES]);
    const unknown = named.filter((name) => !known.has(name) && !OF_OTHERS.test(name));
    expect([...new Set(unknown)]).toEqual([]);
  });
});
