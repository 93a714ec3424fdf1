import type { Command } from 'commander';
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import { jobId } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { ConfigFlags } from '../config.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { mostLines, readLogs } from '../input/log-store.ts';

/** `logs <jobId>`. */
export function defineLogs(program: Command, host: Host): Command {
  return program
    .command('logs')
    .description(
      'Prints the log lines of a job, from the log store (Loki); with --json, one line of JSON each.',
    )
    .argument('<jobId>', 'the id that submit printed', jobId)
    .option(
      '--logs-url <url>',
      "address of a query, such as Loki's query_range, with {jobId}, {traceId}, {start} and {end} in it (THROUGHLINE_LOGS_URL)",
    )
    .addHelpText(
      'after',
      examples([
        `THROUGHLINE_LOGS_URL='http://loki:3100/loki/api/v1/query_range?query=%7Bservice%3D~%22throughline.%2B%22%7D%7C%3D%22{jobId}%22&start={start}&end={end}&limit=1000' throughline logs 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11`,
        'print what edge and workers logged about a job',
      ]),
    )
    .action(
      async (id: string, _flags: ConfigFlags, command: Command) =>
        await host.run(command, (scope) => showLogs(id, scope)),
    );
}

async function showLogs(id: string, { api, config, output, signal }: Scope): Promise<number> {
  if (config.logsUrl === undefined)
    throw new CliError('usage-invalid', 'where are the logs? Use --logs-url or THROUGHLINE_LOGS_URL');
  const store = { template: config.logsUrl, headers: config.logsHeaders };
  const lines = await readLogs(store, await api.get(id), signal);
  const { paint } = output;
  for (const line of lines) {
    if (output.json) output.line(line);
    else output.text(`${paint.dim(line.time)} ${escapeControls(line.line)}`);
  }
  if (lines.length === 0) output.note('no log line of the job has arrived at the log store');
  else if (lines.length === mostLines(store.template))
    output.warn(
      `the log store gave ${lines.length} lines, the most that it gives for this address, so others may be left out: raise limit in --logs-url or THROUGHLINE_LOGS_URL`,
    );
  return EXIT.ok.code;
}
