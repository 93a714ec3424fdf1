import { type Command, InvalidArgumentError } from 'commander';
import { defined } from '../../../shared/defined.ts';
import { CliError } from '../../cli-error.ts';
import { cliConfig } from '../../config.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import { readLine } from '../../input/read-line.ts';
import { changeProfiles, PROFILE_NAME, profileOf, readProfiles } from '../../profiles.ts';
import { tableText } from '../../text/table.ts';

/** `config list | set | use | remove`. They change a file of this machine, and call nobody. */
export function defineConfig(program: Command, host: Host): Command {
  const config = program
    .command('config')
    .description('Shows and changes profiles: addresses and keys with a name, for --profile.');
  defineList(config, host);
  defineSet(config, host);
  defineUse(config, host);
  defineRemove(config, host);
  return config;
}

function defineList(config: Command, host: Host): void {
  config
    .command('list')
    .description('Lists the profiles. Keys are not shown.')
    .addHelpText('after', examples(['throughline config list', 'the one with * is the default']))
    .action(async (_flags: unknown, command: Command) => {
      await host.runLocal(command, async (output) => {
        const file = await readProfiles(host.environment);
        const shown = Object.entries(file.profiles).map(([name, { apiKey, ...profile }]) => ({
          name,
          ...profile,
          hasKey: apiKey !== undefined,
          isDefault: name === file.default,
        }));
        if (output.json) output.document({ profiles: shown });
        else if (shown.length > 0)
          output.text(
            tableText(
              shown.map(({ name, url = '', hasKey, isDefault }) => [
                isDefault ? '*' : ' ',
                name,
                url,
                hasKey ? 'with a key' : 'without a key',
              ]),
            ),
          );
        else output.note('there are no profiles; `throughline config set` makes one');
        return EXIT.ok.code;
      });
    });
}

interface SetFlags {
  readonly apiKeyStdin?: boolean;
}

function defineSet(config: Command, host: Host): void {
  config
    .command('set')
    .description('Makes a profile, or changes what is given of it. The first one is the default.')
    .argument('<name>', 'its name, such as production', profileName)
    .option('--url <url>', 'address of the API')
    .option(
      '--api-key-stdin',
      'read the key for the API from standard input, so that no list of processes shows it',
    )
    .option('--traces-url <url>', 'address of the trace store, see `throughline trace`')
    .option('--logs-url <url>', 'address of the log store, see `throughline logs`')
    .addHelpText(
      'after',
      examples(
        [
          'throughline config set production --url https://jobs.example.com --api-key-stdin < key.txt',
          'make one',
        ],
        ['throughline --profile production status', 'use it'],
      ),
    )
    .action(async (name: string, { apiKeyStdin = false }: SetFlags, command: Command) => {
      await host.runLocal(command, async (output, { url, tracesUrl, logsUrl }) => {
        const apiKey = apiKeyStdin
          ? (await readLine(host.stdin, () => output.prompt('key for the API: '))).trim()
          : undefined;
        if (apiKey === '')
          throw new CliError('usage-invalid', 'standard input is empty: the key for the API was expected');
        const given = defined({ url, tracesUrl, logsUrl, apiKey });
        if (Object.keys(given).length === 0)
          throw new CliError('usage-invalid', 'what should the profile hold? Give --url or another option');
        await changeProfiles(host.environment, (file) => {
          const profile = { ...file.profiles[name], ...given };
          // A profile that no command could use is refused now.
          cliConfig({}, {}, profile);
          return { default: file.default ?? name, profiles: { ...file.profiles, [name]: profile } };
        });
        output.result({ name }, () => `the profile ${name} is set`);
        return EXIT.ok.code;
      });
    });
}

function defineUse(config: Command, host: Host): void {
  config
    .command('use')
    .description(
      'Makes a profile the default: it counts if neither the environment nor an option names an address or a key.',
    )
    .argument('<name>', 'its name', profileName)
    .addHelpText('after', examples(['throughline config use staging', 'the default from now on']))
    .action(async (name: string, _flags: unknown, command: Command) => {
      await host.runLocal(command, async (output) => {
        await changeProfiles(host.environment, (file) => {
          profileOf(file, name);
          return { ...file, default: name };
        });
        output.result({ name }, () => `${name} is the default`);
        return EXIT.ok.code;
      });
    });
}

function defineRemove(config: Command, host: Host): void {
  config
    .command('remove')
    .description('Removes a profile, with its key.')
    .argument('<name>', 'its name', profileName)
    .addHelpText('after', examples(['throughline config remove staging', 'forget its address and key']))
    .action(async (name: string, _flags: unknown, command: Command) => {
      await host.runLocal(command, async (output) => {
        await changeProfiles(host.environment, ({ default: standard, profiles }) => {
          profileOf({ profiles }, name);
          const rest = Object.fromEntries(Object.entries(profiles).filter(([other]) => other !== name));
          return { ...(standard === name ? {} : defined({ default: standard })), profiles: rest };
        });
        output.result({ name }, () => `the profile ${name} is removed`);
        return EXIT.ok.code;
      });
    });
}

function profileName(text: string): string {
  if (PROFILE_NAME.test(text)) return text;
  throw new InvalidArgumentError(
    'A profile is 1 to 64 letters, digits, "_" or "-", and begins with a letter or digit.',
  );
}
