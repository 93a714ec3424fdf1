import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../../../dev/machine/command.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { documentedSql } from './documented-sql.ts';

/** What attempts write, in this order: the fence, and whether the database takes it. */
const WRITES = [
  [7, true],
  [9, true],
  [7, false],
  [9, true],
  [8, false],
  [12, true],
] as const;

const { table, write } = await documentedSql();
/** The programs of a PostgreSQL, as Debian installs them; undefined if there is none. */
const [postgres] = globSync('/usr/lib/postgresql/*/bin');

describe('the SQL that the docs show takes the writes of the latest attempt only', () => {
  it('in SQLite', () => {
    const database = new DatabaseSync(':memory:');
    onTestFinished(() => database.close());
    database.exec(table);
    const statement = database.prepare(write);
    const taken = WRITES.map(([fence]) => statement.run({ $1: 'job-1', $2: 'a', $3: fence }).changes === 1);
    expect(taken).toEqual(WRITES.map(([, isTaken]) => isTaken));
  });

  it.skipIf(postgres === undefined)('in PostgreSQL', async () => {
    const written = `WITH written AS (${write} RETURNING 1) SELECT count(*) AS written FROM written`;
    const executions = WRITES.map(([fence]) => `EXECUTE write ('job-1', 'a', ${fence});`);
    const answer = await inPostgres([`${table};`, `PREPARE write AS ${written};`, ...executions]);
    const taken = [...answer.matchAll(/written = "(?<count>\d)"/g)].map(
      (match) => match.groups?.count === '1',
    );
    expect(taken).toEqual(WRITES.map(([, isTaken]) => isTaken));
  });
});

/** Runs statements in a new PostgreSQL, which has no server. @returns what it printed */
async function inPostgres(statements: readonly string[]): Promise<string> {
  const folder = await scratchFolder();
  const data = `${folder}/data`;
  const user = await someUser(folder);
  await endOf(spawn(`${postgres}/initdb`, ['-D', data, '-U', 'test', '--no-sync'], user));
  const server = spawn(`${postgres}/postgres`, ['--single', '-D', data, 'postgres'], user);
  // In this mode a statement ends with its line.
  server.stdin.end(statements.map((statement) => `${statement.replaceAll('\n', ' ')}\n`).join(''));
  return await endOf(server);
}

/** PostgreSQL does not run as root. Its package makes a user for it. */
async function someUser(folder: string): Promise<{ uid?: number; gid?: number; cwd: string }> {
  if (process.getuid?.() !== 0) return { cwd: folder };
  const [uid, gid] = await Promise.all(['-u', '-g'].map((kind) => idOf(kind)));
  if (uid === undefined || gid === undefined) throw new Error('no user');
  await chown(folder, uid, gid);
  return { uid, gid, cwd: folder };
}

async function idOf(kind: string): Promise<number> {
  return Number(await runCommand('id', [kind, 'postgres'], { timeoutMs: 60_000 }));
}

async function endOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  const [printed, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${code}: ${errors}`);
  return printed;
}
