import { Argument, type Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';
import { type CommandPage, commandPages, commonOptions } from '../reference/command-page.ts';
import { bashCompletion } from '../reference/completion/bash.ts';
import { fishCompletion } from '../reference/completion/fish.ts';
import { zshCompletion } from '../reference/completion/zsh.ts';
import { manPage } from '../reference/man-page.ts';

const SHELLS: Readonly<Record<string, (pages: readonly CommandPage[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `completion <shell>`. */
export function defineCompletion(program: Command, host: Host): Command {
  return program
    .command('completion')
    .description('Prints a script that completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      examples(
        ['source <(throughline completion bash)', 'in ~/.bashrc; zsh the same way, in ~/.zshrc'],
        ['throughline completion fish > ~/.config/fish/completions/throughline.fish', 'in fish'],
      ),
    )
    .action(async (shell: string, _flags: unknown, command: Command) => {
      await host.runLocal(command, async (output) => {
        const script = SHELLS[shell]?.(commandPages(program)) ?? '';
        if (output.json) output.document({ shell, script });
        else host.write(script, 'stdout');
        return EXIT.ok.code;
      });
    });
}

/** `man`. */
export function defineMan(program: Command, host: Host): Command {
  return program
    .command('man')
    .description('Prints the manual page of this program.')
    .addHelpText(
      'after',
      examples(
        ['throughline man | man -l -', 'read it'],
        ['throughline man > /usr/local/share/man/man1/throughline.1', 'install it'],
      ),
    )
    .action(async (_flags: unknown, command: Command) => {
      await host.runLocal(command, async (output) => {
        const { version } = manifest;
        const page = manPage({ pages: commandPages(program), common: commonOptions(program), version });
        if (output.json) output.document({ page });
        else host.write(page, 'stdout');
        return EXIT.ok.code;
      });
    });
}
