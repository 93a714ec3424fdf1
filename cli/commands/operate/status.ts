import type { Command } from 'commander';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import { scopeCauses } from '../../operate/edge-causes.ts';
import { statusText } from '../../operate/status-text.ts';
import { type SystemReport, systemReport } from '../../operate/system-report.ts';

/** `status`. */
export function defineStatus(program: Command, host: Host): Command {
  return program
    .command('status')
    .description(
      'Shows the state of the whole system on one screen, and what is wrong. With NATS_URL, it asks NATS too.',
    )
    .addHelpText(
      'after',
      examples(
        ['throughline status', 'ask the edge'],
        [
          'NATS_URL=tls://nats.example.com:4222 NATS_USER=setup throughline status',
          'ask NATS too: set its settings as environment variables',
        ],
        ["throughline status --json | jq -r '.wrong[].cause'", 'print what is wrong, a line each; for cron'],
      ),
    )
    .action(
      async (_flags: unknown, command: Command) =>
        await host.run(command, async (scope) => {
          const report = withScopes(await systemReport(scope, host.environment));
          const { output } = scope;
          output.result(report, () => statusText(report, output.paint));
          return report.ok ? EXIT.ok.code : EXIT.jobFailed.code;
        }),
    );
}

/** Adds the scopes that the key lacks: somebody who looks at the whole system must know that they do not see all of it. */
function withScopes(report: SystemReport): SystemReport {
  const wrong = [...report.wrong, ...scopeCauses(report.edge.unasked)];
  return { ...report, wrong, ok: wrong.length === 0 };
}
