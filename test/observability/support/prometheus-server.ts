import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { startChild } from '../../../dev/machine/child.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { atEndOfFile, scratchFolder } from '../../support/cleanup.ts';

/** What a Prometheus of a test reads. */
export interface PrometheusSetup {
  /** How often it asks its targets and evaluates its rules, as Prometheus writes times. */
  readonly interval: string;
  /** The files with its rules, by their absolute paths. */
  readonly rules: readonly string[];
  /** The URL of each target, by the name of its job. */
  readonly targets: Readonly<Record<string, string>>;
}

/** One alert, as `/api/v1/alerts` has it. */
const Alert = z.object({ state: z.string(), labels: z.record(z.string(), z.string()) });
const Sample = z.object({
  metric: z.record(z.string(), z.string()),
  value: z.tuple([z.number(), z.string()]),
});
const Exemplar = z.object({ labels: z.record(z.string(), z.string()), value: z.string() });
const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
});

/** A series of an answer: its labels, and its value at the time of the query. */
export interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus of the test's own. */
export interface PrometheusServer {
  /** The series that an expression has now. */
  readonly series: (expression: string) => Promise<Labelled[]>;
  /** The value of the first series of an expression; undefined: it has none. */
  readonly query: (expression: string) => Promise<number | undefined>;
  /** The exemplars that the series of an expression had within the last hour. */
  readonly exemplars: (expression: string) => Promise<z.infer<typeof Exemplar>[]>;
  /** The alerts that fire now. */
  readonly firing: () => Promise<z.infer<typeof Alert>[]>;
  /** The health of each rule, by its name: `ok` once it was evaluated without an error. */
  readonly rules: () => Promise<ReadonlyMap<string, string>>;
}

/**
 * Starts a Prometheus. It ends with the test file.
 * @param program the path of the program
 */
export async function startPrometheus(program: string, setup: PrometheusSetup): Promise<PrometheusServer> {
  const folder = await scratchFolder();
  const config = join(folder, 'prometheus.yaml');
  await writeFile(config, JSON.stringify(configOf(setup)));
  const address = `127.0.0.1:${await findFreePort()}`;
  const child = await startChild({
    command: program,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--enable-feature=exemplar-storage',
    ],
    environment: {},
    output: { onLine: () => undefined },
  });
  atEndOfFile(async () => {
    child.signal('SIGTERM');
    await child.exited;
  });
  return readerOf(address);
}

function configOf({ interval, rules, targets }: PrometheusSetup): object {
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: rules,
    scrape_configs: Object.entries(targets).map(([job_name, url]) => ({
      job_name,
      static_configs: [{ targets: [new URL(url).host] }],
    })),
  };
}

function readerOf(address: string): PrometheusServer {
  const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const answer = await fetch(`http://${address}/api/v1/${path}`);
    return z.object({ data: schema }).parse(await answer.json()).data;
  };
  const series = async (expression: string): Promise<Labelled[]> => {
    const path = `query?query=${encodeURIComponent(expression)}`;
    const { result } = await ask(path, z.object({ result: z.array(Sample) }));
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  };
  return {
    series,
    query: async (expression) => (await series(expression))[0]?.value,
    exemplars: async (expression) => {
      const now = Date.now() / 1_000;
      const query = new URLSearchParams({ query: expression, start: `${now - 3_600}`, end: `${now}` });
      const found = await ask(
        `query_exemplars?${query}`,
        z.array(z.object({ exemplars: z.array(Exemplar) })),
      );
      return found.flatMap(({ exemplars }) => exemplars);
    },
    firing: async () => {
      const { alerts } = await ask('alerts', z.object({ alerts: z.array(Alert) }));
      return alerts.filter(({ state }) => state === 'firing');
    },
    rules: async () => {
      const { groups } = await ask('rules', Rules);
      return new Map(groups.flatMap(({ rules }) => rules.map(({ name, health }) => [name, health])));
    },
  };
}
