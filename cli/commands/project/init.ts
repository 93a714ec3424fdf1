import { type Command, Option } from 'commander';
import { createProject, LANGUAGES, nextSteps, type ProjectOptions } from '../../../create/project.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';

/** `init <folder>`. It does not call the API. */
export function defineInit(program: Command, host: Host): Command {
  return program
    .command('init')
    .description(
      'Makes a project for your own jobs: an operation with its test, the edge, containers, and a pipeline that deploys them.',
    )
    .argument(
      '<folder>',
      'a folder that does not exist, or is empty but for .git; its name is the name of the project',
    )
    .option(
      '--packages <folder>',
      'take the packages of Throughline from the files of npm pack in this folder, not from the registry',
    )
    .addOption(
      new Option('--worker <language>', 'add a worker in this language, beside that in Node').choices(
        LANGUAGES,
      ),
    )
    .addHelpText(
      'after',
      examples(
        ['throughline init my-jobs', 'make a project in the folder my-jobs'],
        ['throughline init my-jobs --worker python', 'make it with a worker in Python too'],
        ['throughline init my-jobs --packages packed', 'make it with the packages that were packed there'],
      ),
    )
    .action(
      async (folder: string, options: ProjectOptions, command: Command) =>
        await host.runLocal(command, async (output) => {
          const project = await createProject(folder, options);
          output.result(project, () => nextSteps(project));
          return EXIT.ok.code;
        }),
    );
}
