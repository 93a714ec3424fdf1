import { EXIT } from '../exit-code.ts';
import { type CommandPage, type OptionPage, optionText } from './command-page.ts';

/** The tables of docs/CLI.md: all commands, the options of each, and the exit codes. */
export function markdownReference(pages: readonly CommandPage[], common: readonly OptionPage[]): string {
  const commands = pages.filter(({ path, commands: own }) => path.length > 0 && own.length === 0);
  return [
    '## Commands',
    '',
    '| command | what it does |',
    '| --- | --- |',
    ...commands.map((page) => `| ${code(nameOf(page))} | ${cell(page.description)} |`),
    '',
    '## Options',
    '',
    'Of every command, as far as it has a meaning there:',
    '',
    ...optionTable(common),
    ...commands
      .filter(({ options }) => options.length > 0)
      .flatMap((page) => ['', `### ${code(page.path.join(' '))}`, '', ...optionTable(page.options)]),
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...Object.values(EXIT).map(({ code: number, meaning }) => `| ${number} | ${cell(meaning)} |`),
    '',
  ].join('\n');
}

function optionTable(options: readonly OptionPage[]): string[] {
  return [
    '| option | what it does |',
    '| --- | --- |',
    ...options.map((option) => `| ${code(option.flags)} | ${cell(optionText(option))} |`),
  ];
}

function nameOf({ path, arguments: words }: CommandPage): string {
  return [...path, words].join(' ').trim();
}

const code = (text: string): string => `\`${cell(text)}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
