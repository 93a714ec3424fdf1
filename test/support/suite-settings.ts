import * as z from 'zod';
import { flag, parseConfig } from '../../shared/config.ts';

/** A whole number above zero, given as text. */
const count = z
  .string()
  .regex(/^[1-9][0-9]{0,9}$/, 'must be a whole number above 0')
  .transform(Number);

const Settings = z.object({
  CHAOS_SEED: count.optional(),
  CHAOS_KEEP: flag(false),
  /** The file to which operations write a line for each execution; the suite sets it for its workers. */
  CHAOS_EFFECTS: z.string().default('/dev/null'),
  CHAOS_JOBS: count.default(20_000),
  CHAOS_NATS_KILLS: count.default(5),
  CHAOS_WORKER_KILLS: count.default(10),
  CHAOS_CLUSTER_JOBS: count.default(3_000),
  CHAOS_CLUSTER_KILLS: count.default(4),
  CHAOS_OUTAGE_JOBS: count.default(5_000),
  CHAOS_OUTAGE_MS: count.default(60_000),
  CHAOS_ORDER_KEYS: count.default(40),
  CHAOS_ORDER_JOBS: count.default(50),
  CHAOS_ORDER_KILLS: count.default(8),
  CHAOS_MIX_MS: count.default(60_000),
  CHAOS_MIX_PAUSE_MS: count.default(2_000),
  CHAOS_MIX_PER_SECOND: count.default(50),
  CHAOS_SCHEDULE_DAYS: count.default(2),
  AUTHORS_MS: count.default(60_000),
  AUTHORS_PER_SECOND: count.default(20),
  COLLECTOR_BUILD: flag(false),
  HEALTHY_MS: count.default(20_000),
  JAEGER_BUILD: flag(false),
  RUST_BUILD: flag(false),
  /** A folder that has the files of the W3C's test suite, for a machine that cannot fetch them. */
  W3C_SUITE: z.string().min(1).optional(),
  FUZZ_REQUESTS: count.optional(),
  FUZZ_SEED: count.optional(),
  /** Set by CI systems: there, a test that cannot run is a failure. */
  CI: z.string().optional(),
  /** How many generated schemas and inputs the test of the edge's input checks tries. */
  ZOD_RUNS: count.default(1_000),
});

/** The schemas of these settings, by their names; docs/SETTINGS.md explains each. */
export const SUITE_SETTINGS: Readonly<Record<string, z.ZodType>> = Settings.shape;

/**
 * Settings of the fault suite and the fuzzer, read from the environment.
 * @throws ThroughlineError `config-invalid` naming the variable
 */
export const SUITE = parseConfig(Settings, process.env);
