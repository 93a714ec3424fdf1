import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import {
  ACCESS_SCOPES,
  type AccessScope,
  type ApiKeyEntry,
  apiKeyId,
  createApiKey,
  hashApiKey,
} from '../../shared/api/access.ts';
import { accessScopes, keyId, tenantName } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';
import { readLine } from '../input/read-line.ts';
import type { Output } from '../text/output.ts';

interface CreateFlags {
  readonly tenant: string;
  readonly scope?: readonly AccessScope[];
}

/** `keys create <id>` and `keys hash`. They do not call the API. */
export function defineKeys(program: Command, host: Host): Command {
  const keys = program.command('keys').description('Makes API keys and their entries in API_KEYS.');
  defineCreate(keys, host);
  defineHash(keys, host);
  return keys;
}

function defineCreate(keys: Command, host: Host): void {
  keys
    .command('create')
    .description('Makes a key, and the entry that adds it to API_KEYS. The key is shown only now.')
    .argument('<id>', 'the name of the key in API_KEYS: letters and digits', keyId)
    .requiredOption('--tenant <tenant>', 'the tenant whose jobs the key may use', tenantName)
    .option(
      '--scope <scope>',
      `what the key may do: ${ACCESS_SCOPES.join(', ')}, jobs:write:<operation>, jobs:write:<prefix>.*; repeatable; default: everything`,
      accessScopes,
    )
    .addHelpText(
      'after',
      examples(
        ['throughline keys create ci --tenant acme', 'make a key that may do everything'],
        [
          'throughline keys create web --tenant acme --scope jobs:read --scope jobs:write',
          'make a key that may submit and read jobs',
        ],
        [
          "throughline keys create thumbs --tenant acme --scope 'jobs:write:image.*'",
          'make a key that may submit only jobs whose operation begins with image.',
        ],
        ['throughline keys create ci --tenant acme --json | jq .entry', 'print only the entry'],
      ),
    )
    .action(
      async (id: string, flags: CreateFlags, command: Command) =>
        await host.runLocal(command, async (output) => await create(id, flags, output)),
    );
}

function defineHash(keys: Command, host: Host): void {
  keys
    .command('hash')
    .description('Reads a key from standard input and prints its hash, for API_KEYS.')
    .addHelpText(
      'after',
      examples(['throughline keys hash < key.txt', 'print the hash of the key in a file']),
    )
    .action(
      async (_flags: unknown, command: Command) =>
        await host.runLocal(command, async (output) => await hash(host.stdin, output)),
    );
}

async function create(id: string, { tenant, scope }: CreateFlags, output: Output): Promise<number> {
  const key = createApiKey(id);
  const hashed = await hashApiKey(key);
  const entry: ApiKeyEntry = { id, tenant, hash: hashed, ...(scope === undefined ? {} : { scopes: scope }) };
  output.result({ key, entry }, () => `key    ${key}\nentry  ${JSON.stringify(entry)}`);
  output.note('keep the key, because it cannot be shown again');
  output.note(
    "the key does not work before its entry is in the list API_KEYS of the edge: `npx wrangler secret put API_KEYS` takes the whole list, [<entry>,<entry>]. On this machine, `throughline dev --edge 'API_KEYS=[<entry>]'` takes it",
  );
  return EXIT.ok.code;
}

async function hash(stdin: Readable, output: Output): Promise<number> {
  const key = (await readLine(stdin, () => output.prompt('key: '))).trim();
  const id = apiKeyId(key);
  if (id === undefined) {
    throw new CliError('usage-invalid', 'standard input is not an API key such as tl_<id>_<secret>');
  }
  const hashed = await hashApiKey(key);
  output.result({ id, hash: hashed }, () => hashed);
  return EXIT.ok.code;
}
