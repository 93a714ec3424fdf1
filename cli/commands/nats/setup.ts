import { type Command, Option } from 'commander';
import { type Finding, findingText, fixText } from '../../../shared/nats/finding.ts';
import { ROLES, type Role } from '../../../shared/nats/permissions/permission.ts';
import type { PermissionReport } from '../../../worker-node/broker/permissions/check.ts';
import type { StreamReport } from '../../../worker-node/broker/provision.ts';
import type { SetupReport } from '../../../worker-node/broker/setup.ts';
import { wholeNumber } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import type { Output } from '../../text/output.ts';

interface SetupFlags {
  readonly check?: boolean;
  readonly replicas?: number;
  readonly as?: Role;
}

/** `setup`. It calls NATS with the worker's settings, and not the API. */
export function defineSetup(program: Command, host: Host): Command {
  return program
    .command('setup')
    .description('Creates the streams and buckets in NATS, updates them, or only checks them.')
    .option('--check', 'change nothing; the exit code is 1 if something is missing or wrong')
    .option(
      '--replicas <number>',
      'copies of each stream (STREAM_REPLICAS; default: 3 in a cluster, else 1)',
      wholeNumber(1, 5),
    )
    .addOption(
      new Option('--as <side>', 'with --check: what NATS allows this user, as the user of that side')
        .choices(ROLES)
        .conflicts('replicas'),
    )
    .addHelpText(
      'after',
      examples(
        [
          'NATS_URL=tls://nats.example.com:4222 NATS_USER=setup throughline setup',
          'set the settings as environment variables',
        ],
        ['throughline setup --check --json', 'check in a CI pipeline'],
        [
          'NATS_USER=worker throughline setup --check --as worker',
          'check the permissions of the workers’ user',
        ],
      ),
    )
    .action(
      async ({ check = false, replicas, as: role }: SetupFlags, command: Command) =>
        await host.runLocal(command, async (output) => {
          if (role !== undefined) return await checkUser(host, role, check, output);
          // Imported only here, so that other commands do not load a NATS client.
          const { setUpBroker } = await import('../../../worker-node/broker/setup.ts');
          const report = await setUpBroker({ environment: host.environment, check, replicas });
          if (output.json) output.document(report);
          else print(report, output);
          return report.ok ? EXIT.ok.code : EXIT.jobFailed.code;
        }),
    );
}

async function checkUser(host: Host, role: Role, check: boolean, output: Output): Promise<number> {
  if (!check) throw new CliError('usage-invalid', '--as only checks; give --check too');
  const { checkPermissions } = await import('../../../worker-node/broker/permissions/check.ts');
  const report = await checkPermissions(host.environment, role);
  if (output.json) output.document(report);
  else printPermissions(report, output);
  return report.ok ? EXIT.ok.code : EXIT.jobFailed.code;
}

function printPermissions({ role, permissions }: PermissionReport, output: Output): void {
  output.text(`permissions of the user of ${role}: ${permissions.length} missing`);
  for (const finding of permissions) output.warn(warningText(finding));
}

function print(report: SetupReport, output: Output): void {
  const { server, streams, warnings } = report;
  output.text(`nats-server ${server.version}, ${server.clustered ? 'in a cluster' : 'one server'}`);
  const width = Math.max(...streams.map(({ name }) => name.length));
  for (const stream of streams) output.text(streamText(stream, width));
  for (const finding of [
    ...streams.flatMap((stream) => stream.findings),
    ...report.consumers,
    ...report.account,
    ...report.permissions,
  ])
    output.warn(warningText(finding));
  for (const warning of warnings) output.warn(warning);
  if (!report.ok) output.text('Something is missing or wrong, so workers will not start.');
}

function streamText({ name, state, messages, replicas, findings }: StreamReport, width: number): string {
  const copies = replicas === 1 ? '1 copy' : `${replicas} copies`;
  const faults = findings.filter(({ level }) => level === 'breaks').length;
  const rest = state === 'missing' ? '' : `  ${messages} messages, ${copies}`;
  return `${name.padEnd(width)}  ${state.padEnd(7)}${rest}${faults === 0 ? '' : `, ${faults} broken`}`;
}

function warningText(finding: Finding): string {
  return `${findingText(finding)}; ${fixText(finding)}`;
}
