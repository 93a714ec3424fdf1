import { Option } from 'commander';

/** The options for output, which every command takes. */
export function outputOptions(): Option[] {
  return [
    new Option(
      '--json',
      'print JSON on stdout, one document or a line for each of many, and an error as a problem document on stderr',
    ),
    new Option('--debug', 'print spans, and the stack of an error, on stderr'),
  ].map(grouped);
}

/**
 * The options of every command that calls the API. They are checked with the other settings, not by Commander: its
 * messages would show a key, or a password in a URL.
 */
export function apiOptions(): Option[] {
  return [
    new Option('--url <url>', 'address of the API (THROUGHLINE_URL; default http://127.0.0.1:8787)'),
    new Option(
      '--api-key <key>',
      'key for the API (THROUGHLINE_API_KEY is safer: a list of processes does not show it)',
    ),
    new Option('--profile <name>', 'address and key by name, see `throughline config`'),
  ].map(grouped);
}

function grouped(option: Option): Option {
  return option.helpGroup('Options of every command:');
}

/** The examples of a command, for the end of its `--help`. */
export function examples(...rows: readonly (readonly [command: string, what: string])[]): string {
  const lines = rows.flatMap(([command, what]) => [`  # ${what}`, `  ${command}`]);
  return ['', 'Examples:', ...lines].join('\n');
}
