import { EXIT } from '../exit-code.ts';
import { type CommandPage, type OptionPage, optionText } from './command-page.ts';

interface ManParts {
  readonly pages: readonly CommandPage[];
  /** The options that all commands have. */
  readonly common: readonly OptionPage[];
  readonly version: string;
}

/** The manual page throughline(1), in the language of man(7). */
export function manPage({ pages, common, version }: ManParts): string {
  const [program, ...commands] = pages;
  return [
    `.TH THROUGHLINE 1 "" "throughline ${roff(version)}" "Throughline"`,
    '.SH NAME',
    `throughline \\- ${roff(program?.description ?? '')}`,
    '.SH SYNOPSIS',
    '.B throughline',
    '.I command',
    '.RI [ argument ...]',
    '.RI [ option ...]',
    '.SH COMMANDS',
    ...commands.filter((page) => page.commands.length === 0).flatMap(commandLines),
    '.SH COMMON OPTIONS',
    ...common.flatMap(optionLines),
    '.SH EXIT STATUS',
    ...Object.values(EXIT).flatMap(({ code, meaning }) => ['.TP', `.B ${code}`, roff(meaning)]),
    '',
  ].join('\n');
}

function commandLines({ path, arguments: words, description, options }: CommandPage): string[] {
  return [
    `.SS throughline ${roff([...path, words].join(' ').trim())}`,
    roff(description),
    ...options.flatMap(optionLines),
  ];
}

function optionLines(option: OptionPage): string[] {
  return ['.TP', `.B ${roff(option.flags)}`, roff(optionText(option))];
}

/** Text in which nothing is a command of roff. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}
