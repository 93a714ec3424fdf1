import type { Command } from 'commander';
import type { Job } from '../../../shared/job/job.ts';
import { escapeControls } from '../../../shared/text/terminal/escape-controls.ts';
import { jobId } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { ConfigFlags } from '../../config.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import type { Cause } from '../../operate/cause.ts';
import { type Diagnosis, diagnose } from '../../operate/diagnosis.ts';
import { causeText } from '../../operate/status-text.ts';
import type { Paint } from '../../text/terminal.ts';
import { TRACES_URL_HELP } from '../../trace/stores/traces-url.ts';

/** `doctor [jobId]`. */
export function defineDoctor(program: Command, host: Host): Command {
  return program
    .command('doctor')
    .description(
      'Says why a job does not run and why it has no trace, or what is wrong with the system: cause, evidence, what to do.',
    )
    .argument('[jobId]', 'the id that submit printed', jobId)
    .option('--traces-url <url>', `with a job id: ${TRACES_URL_HELP}`)
    .addHelpText(
      'after',
      examples(
        ['throughline doctor', 'look at the whole system'],
        [
          'NATS_URL=tls://nats.example.com:4222 NATS_USER=setup throughline doctor 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
          'why does this job not run? It asks NATS too',
        ],
        [
          "throughline doctor 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --json | jq -r '.causes[0].code'",
          'print the likeliest cause in one word',
        ],
      ),
    )
    .action(
      async (id: string | undefined, { tracesUrl }: ConfigFlags, command: Command) =>
        await host.run(command, async (scope) => {
          if (id === undefined && tracesUrl !== undefined)
            throw new CliError('usage-invalid', '--traces-url goes with a job id: whose trace is missing?');
          const diagnosis = await diagnose(scope, host.environment, id);
          const { output } = scope;
          output.result(diagnosis, () => diagnosisText(diagnosis, output.paint));
          return diagnosis.ok ? EXIT.ok.code : EXIT.jobFailed.code;
        }),
    );
}

function diagnosisText({ job, causes, notes, unasked, asked }: Diagnosis, paint: Paint): string {
  const about = job === undefined ? [] : [jobText(job)];
  const found =
    causes.length === 0
      ? [paint.green(`nothing is wrong; looked at: ${asked.join(', ')}`)]
      : causes.map((one) => (one.code === 'succeeded' ? wellText(one, paint) : causeText(one, paint)));
  const rest = [
    ...notes.map((note) => `note: ${note}`),
    ...unasked.map(({ part, why }) => `not asked: ${part}: ${why}`),
  ];
  return [
    ...about.map(escapeControls),
    ...found,
    ...rest.map((line) => paint.dim(escapeControls(line))),
  ].join('\n');
}

function jobText({ id, operation, state, finishedAt }: Job): string {
  return `job ${id}, ${operation}: ${state}${finishedAt === undefined ? '' : ` at ${finishedAt}`}`;
}

/** A job that is as it should be is not shown as a fault. */
function wellText({ cause, evidence }: Cause, paint: Paint): string {
  return [paint.green(cause), ...evidence.map((fact) => `  ${escapeControls(fact)}`)].join('\n');
}
