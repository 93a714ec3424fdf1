/** The program of `graphile.ts`: fills a queue of Graphile Worker, and does its jobs when it is told to. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { readRun, serveQueue } from './queue-program.ts';
import { inputOf } from './queue-run.ts';

/** Jobs that are fetched and completed at once, as its page on performance advises for a busy queue. */
const LOCAL_QUEUE = 500;

/** The parts of Graphile Worker that this uses. It is no dependency of this project. */
interface GraphileWorker {
  readonly makeWorkerUtils: (options: object) => Promise<{
    migrate(): Promise<void>;
    withPgClient(
      use: (client: { query(text: string, values?: unknown[]): Promise<unknown> }) => unknown,
    ): unknown;
    release(): Promise<void>;
  }>;
  readonly run: (options: object) => Promise<unknown>;
  readonly Logger: new (factory: () => () => void) => object;
}

const run = readRun<{ readonly folder: string; readonly connectionString: string }>();
const require = createRequire(`${run.folder}/package.json`);
const path = pathToFileURL(require.resolve('graphile-worker')).href;
/** Version 0.16 is a CommonJS module, 0.18 is not. */
const imported = (await import(path)) as GraphileWorker & { readonly default?: GraphileWorker };
const graphile = imported.default ?? imported;
const { connectionString } = run;
const logger = new graphile.Logger(() => () => undefined);

await serveQueue(run, {
  fill,
  work: (doOne) =>
    graphile.run({
      connectionString,
      noHandleSignals: true,
      taskList: { echo: doOne },
      preset: {
        worker: {
          concurrentJobs: run.concurrency,
          pollInterval: 100,
          maxPoolSize: 10,
          logger,
          localQueue: { size: Math.max(LOCAL_QUEUE, run.concurrency + 1) },
          completeJobBatchDelay: 0,
        },
      },
    }),
});

async function fill(): Promise<void> {
  const utils = await graphile.makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  await utils.withPgClient(async (client) => {
    const spec = JSON.stringify({ identifier: 'echo', payload: inputOf(run) });
    const job = `json_populate_record(null::graphile_worker.job_spec, '${spec}'::json)`;
    await client.query(
      `select count(*) from graphile_worker.add_jobs(array(select ${job} from generate_series(1, $1)))`,
      [run.jobs],
    );
    await client.query('vacuum analyze graphile_worker._private_jobs');
  });
  await utils.release();
}
