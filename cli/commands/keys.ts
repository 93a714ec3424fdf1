import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { ACCESS_SCOPES, type AccessScope } from '../../shared/api/access-scope.ts';
import { type ApiKeyEntry, apiKeyId, createApiKey, hashApiKey } from '../../shared/api/api-key.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';
import { accessScopes, keyId, tenantName } from '../options.ts';
import type { Output } from '../text/output.ts';

/** A key is shorter; whatever is longer is something else. */
const MAX_KEY_BYTES = 1_024;

interface CreateFlags {
  readonly tenant: string;
  readonly scope?: readonly AccessScope[];
}

/** `keys create <id>`, `keys hash`: neither asks the API. */
export function defineKeys(program: Command, host: Host): Command {
  const keys = program.command('keys').description('Makes API keys, and entries of API_KEYS.');
  keys
    .command('create')
    .description('Makes a key, and the entry of API_KEYS that lets it in. The key is shown this once.')
    .argument('<id>', 'its name in API_KEYS: letters and digits', keyId)
    .requiredOption('--tenant <tenant>', 'whose jobs it may touch', tenantName)
    .option(
      '--scope <scope>',
      `what it may do; repeatable; everything when left out: ${ACCESS_SCOPES.join(', ')}`,
      accessScopes,
    )
    .addHelpText(
      'after',
      examples(
        ['throughline keys create ci --tenant acme', 'a key that may do everything'],
        [
          'throughline keys create web --tenant acme --scope jobs:read --scope jobs:write',
          'one that may submit and read',
        ],
        ['throughline keys create ci --tenant acme --json | jq .entry', 'only the entry, for a script'],
      ),
    )
    .action(
      async (id: string, flags: CreateFlags, command: Command) =>
        await host.runLocal(command, async (output) => await create(id, flags, output)),
    );
  keys
    .command('hash')
    .description('Reads a key from standard input and prints its hash, for API_KEYS.')
    .addHelpText('after', examples(['throughline keys hash < key.txt', 'the hash of a key in a file']))
    .action(
      async (_flags: unknown, command: Command) =>
        await host.runLocal(command, async (output) => await hash(host.stdin, output)),
    );
  return keys;
}

async function create(id: string, { tenant, scope }: CreateFlags, output: Output): Promise<number> {
  const key = createApiKey(id);
  const hashed = await hashApiKey(key);
  const entry: ApiKeyEntry = { id, tenant, hash: hashed, ...(scope === undefined ? {} : { scopes: scope }) };
  if (output.json) output.document({ key, entry });
  else output.text(`key    ${key}\nentry  ${JSON.stringify(entry)}`);
  output.hint('keep the key, it cannot be shown again; add the entry to the list in API_KEYS');
  return EXIT.ok.code;
}

async function hash(stdin: Readable, output: Output): Promise<number> {
  const key = (await readKey(stdin)).trim();
  const id = apiKeyId(key);
  if (id === undefined) {
    throw new CliError('usage-invalid', 'standard input is not an API key such as tl_<id>_<secret>');
  }
  const hashed = await hashApiKey(key);
  if (output.json) output.document({ id, hash: hashed });
  else output.text(hashed);
  return EXIT.ok.code;
}

async function readKey(stdin: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_KEY_BYTES) break;
    // At a terminal the line's end is enough.
    if (text.includes('\n')) break;
  }
  return text;
}
