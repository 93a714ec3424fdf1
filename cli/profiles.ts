import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { makeFolder } from '../create/make-folder.ts';
import { readRegularFile } from '../create/regular-file.ts';
import { fileFault } from '../shared/text/file-fault.ts';
import { parseJson } from '../shared/text/json/parse-json.ts';
import { readJson } from '../shared/text/json/read-json.ts';
import { shellCommand } from '../shared/text/terminal/shell-command.ts';
import { CliError } from './cli-error.ts';
import type { ConfigFlags, Environment } from './config.ts';

/** The file has three levels. */
const MAX_DEPTH = 8;
/** A change takes a few milliseconds. */
const LOCK_MS = 5_000;
const LOCK_PAUSE_MS = 20;

const text = z.string().min(1).exactOptional();

/** Settings of the command line that have a name: where an API is, and the key for it. */
const Profile = z.strictObject({ url: text, apiKey: text, tracesUrl: text, logsUrl: text });

const ProfileFile = z.strictObject({
  /** The profile that counts if nothing else names an address or a key. */
  default: z.string().optional(),
  profiles: z.record(z.string(), Profile),
});
export type ProfileFile = z.infer<typeof ProfileFile>;

/** A profile's name: 1 to 64 letters, digits, "_" or "-"; the first is a letter or digit, because `__proto__` is no name. */
export const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * Where the profiles are, by the XDG Base Directory Specification.
 * @returns undefined without a home folder: then there are none
 */
function profilePath({ XDG_CONFIG_HOME: config, HOME: home }: Environment): string | undefined {
  const folder = config !== undefined && isAbsolute(config) ? config : home && join(home, '.config');
  return folder !== undefined && isAbsolute(folder) ? join(folder, 'throughline', 'config.json') : undefined;
}

/** Reads the profiles; none if there is no file. @throws CliError `usage-invalid` if the file cannot be read */
export async function readProfiles(environment: Environment): Promise<ProfileFile> {
  const path = profilePath(environment);
  const content = path === undefined ? undefined : await contentOf(path);
  if (content === undefined) return { profiles: {} };
  const value = parseJson(content);
  const parsed = ProfileFile.safeParse(value);
  const read = readJson(content, MAX_DEPTH);
  if (parsed.success && 'value' in read) return parsed.data;
  // The schema is heard first: it shows no value, and a number may be a key.
  const [issue] = value === undefined ? [] : (parsed.error?.issues ?? []);
  const place = issue?.path.map((name) => `/${String(name)}`).join('') || 'the whole';
  const why = issue === undefined && 'fault' in read ? `it ${read.fault}` : `${place}: ${issue?.message}`;
  throw new CliError('usage-invalid', `the file of profiles is not valid: ${path}: ${why}`, {
    hint: 'correct it, or remove it and run `throughline config set` again',
  });
}

/**
 * Changes the profiles, one process after the other. Only the user may read the file, since it holds keys.
 * @param change gets the profiles as they are, and returns those to keep; it is called twice
 * @throws CliError `usage-invalid` if the file cannot be read or written, and what `change` throws
 */
export async function changeProfiles(
  environment: Environment,
  change: (file: ProfileFile) => ProfileFile,
): Promise<void> {
  const path = profilePath(environment);
  if (path === undefined)
    throw new CliError('usage-invalid', 'there is no home folder to keep profiles in: set HOME');
  // What is refused as things are makes no folder, and waits for nobody.
  change(await readProfiles(environment));
  await makeFolder(dirname(path), { mode: 0o700 }).catch(refuseWriting);
  // A link leads to where the user keeps such files.
  const place = await realpath(path).catch(() => path);
  const lock = `${place}.lock`;
  const handle = await takeLock(lock).catch(refuseWriting);
  try {
    const changed = change(await readProfiles(environment));
    await handle.writeFile(`${JSON.stringify(changed, undefined, 2)}\n`).catch(refuseWriting);
    await handle.close().catch(refuseWriting);
    await rename(lock, place).catch(refuseWriting);
  } catch (thrown) {
    await handle.close();
    await rm(lock, { force: true });
    throw thrown;
  }
}

/** Makes the new file, which is the lock too: only one process can make it. Waits a while for the others. */
async function takeLock(lock: string): Promise<FileHandle> {
  for (let leftMs = LOCK_MS; ; leftMs -= LOCK_PAUSE_MS) {
    try {
      return await open(lock, 'wx', 0o600);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    if (leftMs <= 0)
      throw new CliError('usage-invalid', 'another `throughline config` is changing the profiles', {
        hint: `if none runs any more, one was killed: ${shellCommand('rm', lock)}`,
      });
    await delay(LOCK_PAUSE_MS);
  }
}

function refuseWriting(cause: unknown): never {
  if (cause instanceof CliError) throw cause;
  throw new CliError('usage-invalid', `the profiles cannot be written: ${fileFault(cause)}`, { cause });
}

/** The options that choose a profile, or stand in its place. */
type ProfileFlags = Pick<ConfigFlags, 'url' | 'apiKey'> & { readonly profile?: string };

/**
 * The profile that a command uses: the one that `--profile` names, or the default one if neither the environment nor an option
 * names an address or a key. So nobody's key goes to an address that it was not kept for, unless its profile is named.
 * @param warn gets a sentence if others may read the keys
 * @throws CliError `usage-invalid` if there is no such profile, or if the file cannot be read
 */
export async function chosenProfile(
  environment: Environment,
  { profile: name, url, apiKey }: ProfileFlags,
  warn: (sentence: string) => void,
): Promise<ConfigFlags | undefined> {
  const { THROUGHLINE_URL, THROUGHLINE_API_KEY } = environment;
  const isNamed = [url, apiKey, THROUGHLINE_URL, THROUGHLINE_API_KEY].some((text) => Boolean(text));
  if (name === undefined && isNamed) return undefined;
  const file = await readProfiles(environment);
  const wanted = name ?? file.default;
  if (wanted === undefined) return undefined;
  const profile = profileOf(file, wanted);
  if (profile.apiKey !== undefined) await warnIfOpen(environment, warn);
  return profile;
}

/** Windows has no such bits: there, Node says what stands for them. */
async function warnIfOpen(environment: Environment, warn: (sentence: string) => void): Promise<void> {
  const path = profilePath(environment);
  if (path === undefined || process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    warn(`other users of this machine may read or change your keys: ${shellCommand('chmod 600', path)}`);
}

/** @throws CliError `usage-invalid` if there is no such profile */
export function profileOf({ profiles }: ProfileFile, name: string): ConfigFlags {
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile !== undefined) return profile;
  const names = Object.keys(profiles).sort().join(', ');
  const there = names === '' ? 'there is none' : `there are ${names}`;
  throw new CliError('usage-invalid', `there is no profile ${name}; ${there}`, {
    hint: '`throughline config set` makes one',
  });
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readRegularFile(path);
  } catch (cause) {
    // The home of a user that has none may be /dev/null: in what is no folder, there is no file.
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new CliError('usage-invalid', `the file of profiles cannot be read: ${fileFault(cause)}`, {
      cause,
    });
  }
}
