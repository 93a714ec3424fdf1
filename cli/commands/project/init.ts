import type { Command } from 'commander';
import { createProject, nextSteps } from '../../../create/project.ts';
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
    .addHelpText('after', examples(['throughline init my-jobs', 'make a project in the folder my-jobs']))
    .action(
      async (folder: string, _flags: unknown, command: Command) =>
        await host.runLocal(command, async (output) => {
          const project = await createProject(folder);
          if (output.json) output.document(project);
          else output.text(nextSteps(project));
          return EXIT.ok.code;
        }),
    );
}
