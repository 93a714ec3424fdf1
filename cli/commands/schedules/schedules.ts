import type { Command } from 'commander';
import type { Schedule } from '../../../shared/api/answers/schedule.ts';
import { SCHEDULE_LIMITS } from '../../../shared/api/schedule.ts';
import { shellWord } from '../../../shared/text/terminal/shell-command.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { idempotencyKey, scheduleName, wholeNumber } from '../../arguments.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host, Scope } from '../../host.ts';
import { schedulesText, scheduleText } from '../../text/schedule-text.ts';
import { definePut } from './put.ts';

interface ListFlags {
  readonly limit?: number;
  readonly cursor?: string;
}

/** `schedules list | show | put | delete | pause | resume | trigger`. */
export function defineSchedules(program: Command, host: Host): Command {
  const schedules = program
    .command('schedules')
    .description('Shows and changes schedules: jobs that run again and again.');
  defineList(schedules, host);
  defineShow(schedules, host);
  definePut(schedules, host);
  defineDelete(schedules, host);
  definePause(schedules, host);
  defineTrigger(schedules, host);
  return schedules;
}

function defineList(schedules: Command, host: Host): void {
  schedules
    .command('list')
    .description('Lists schedules by name, one page at a time, each with its next run.')
    .option(
      '--limit <n>',
      `the most to list, up to ${SCHEDULE_LIMITS.page} (default: ${SCHEDULE_LIMITS.defaultPage})`,
      wholeNumber(1, SCHEDULE_LIMITS.page),
    )
    .option('--cursor <cursor>', 'where to continue: the cursor that the page before printed')
    .addHelpText('after', examples(['throughline schedules list', 'list the first schedules']))
    .action(
      async (flags: ListFlags, command: Command) => await host.run(command, (scope) => list(flags, scope)),
    );
}

async function list({ limit, cursor }: ListFlags, { api, output }: Scope): Promise<number> {
  const page = await api.schedules.list({ limit, cursor });
  if (output.json) output.document(page);
  else if (page.schedules.length > 0) output.text(schedulesText(page.schedules, output.paint));
  else if (page.cursor === undefined) output.note('there are no schedules');
  if (page.cursor !== undefined) output.note(`there are more: --cursor ${shellWord(page.cursor)}`);
  return EXIT.ok.code;
}

function defineShow(schedules: Command, host: Host): void {
  schedules
    .command('show')
    .description('Shows a schedule: its job, its next runs, and what became of its last ones.')
    .argument('<name>', 'its name', scheduleName)
    .addHelpText('after', examples(['throughline schedules show nightly', 'show all that it holds']))
    .action(
      async (name: string, _flags: unknown, command: Command) =>
        await host.run(command, async (scope) => printSchedule(await scope.api.schedules.get(name), scope)),
    );
}

function defineDelete(schedules: Command, host: Host): void {
  schedules
    .command('delete')
    .description('Deletes a schedule. Jobs that it has made stay.')
    .argument('<name>', 'its name', scheduleName)
    .addHelpText('after', examples(['throughline schedules delete nightly', 'make no more runs']))
    .action(
      async (name: string, _flags: unknown, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          await api.schedules.delete(name);
          output.result({ name, deleted: true }, () => `${name} is deleted`);
          return EXIT.ok.code;
        }),
    );
}

function definePause(schedules: Command, host: Host): void {
  const does = {
    pause: 'Makes no more runs, until the schedule is resumed.',
    resume: 'Makes runs again, from the next one on.',
  };
  for (const action of ['pause', 'resume'] as const) {
    schedules
      .command(action)
      .description(does[action])
      .argument('<name>', 'its name', scheduleName)
      .addHelpText('after', examples([`throughline schedules ${action} nightly`, `${action} it`]))
      .action(
        async (name: string, _flags: unknown, command: Command) =>
          await host.run(command, async (scope) =>
            printSchedule(await scope.api.schedules[action](name), scope),
          ),
      );
  }
}

function defineTrigger(schedules: Command, host: Host): void {
  schedules
    .command('trigger')
    .description('Runs the job of a schedule now, besides its other runs.')
    .argument('<name>', 'its name', scheduleName)
    .option('--idempotency-key <key>', 'the same key always means the same job', idempotencyKey)
    .addHelpText('after', examples(['throughline schedules trigger nightly', 'run it now']))
    .action(
      async (name: string, flags: { readonly idempotencyKey?: string }, command: Command) =>
        await host.run(command, (scope) => trigger(name, flags.idempotencyKey, scope)),
    );
}

async function trigger(name: string, key: string | undefined, scope: Scope): Promise<number> {
  const { api, output } = scope;
  const trace = await scope.startTrace();
  const attributes = { [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: api.schedules.url };
  const job = await trace.run(`trigger ${name}`, attributes, (carrier) =>
    api.schedules.trigger(name, { idempotencyKey: key, trace: carrier }),
  );
  output.sentAgain(job);
  return EXIT.ok.code;
}

function printSchedule(schedule: Schedule, { output }: Scope): number {
  output.result(schedule, () => scheduleText(schedule, output.paint));
  return EXIT.ok.code;
}
