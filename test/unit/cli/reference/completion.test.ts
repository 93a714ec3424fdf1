import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runHere } from '../../../support/cli/in-process.ts';
import { leaves } from '../../../support/cli/options.ts';

const execute = promisify(execFile);

/** Loads the script into a real bash, and asks for what may follow these words. The last word is the one to complete. */
async function bashOffers(...words: string[]): Promise<string[]> {
  const { stdout: script } = await runHere(['completion', 'bash']);
  const line = ['throughline', ...words];
  const ask = `COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}; _throughline; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await execute('bash', ['--norc', '-c', `${script}\n${ask}`]);
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('in bash', () => {
  it('offers the commands, and those that begin as typed', async () => {
    expect(await bashOffers('')).toEqual(expect.arrayContaining(['submit', 'status', 'dead-letters']));
    expect(await bashOffers('sta')).toEqual(['status']);
    expect(await bashOffers('dead-letters', '')).toEqual(expect.arrayContaining(['list', 'show', 'redrive']));
  });

  it('offers the options of a command, also after options with a value', async () => {
    expect(await bashOffers('list', '--st')).toEqual(['--state']);
    expect(await bashOffers('--url', 'list', 'dead-letters', 'redrive', '--al')).toEqual(['--all']);
    expect(await bashOffers('get', '--all')).toEqual([]);
  });

  it('offers the values that an option may have', async () => {
    expect(await bashOffers('submit', 'echo', '--priority', '')).toEqual(['high', 'normal', 'low']);
  });

  it('offers the values of the command that was typed, not those of another one with the same option', async () => {
    const open = ['queued', 'running', 'retrying'];
    expect(await bashOffers('cancel', '--all', '--state', '')).toEqual(open);
    const all = [...open, 'succeeded', 'failed', 'cancelled'];
    expect(await bashOffers('list', '--state', '')).toEqual(all);
    expect(await bashOffers('--state', '')).toEqual([]);
  });

  it('takes no value after = for a command', async () => {
    // Readline cuts words at each "=".
    expect(await bashOffers('--profile', '=', 'dev', 'get', '--al')).toEqual([]);
    expect(await bashOffers('--profile', '=', 'dev', 'list', '--al')).toEqual(['--all']);
    expect(await bashOffers('cancel', '--state', '=', 'q')).toEqual(['queued']);
    expect(await bashOffers('cancel', '--state', '=')).toEqual(['queued', 'running', 'retrying']);
  });
});

describe.each(['zsh', 'fish', 'bash'])('the script for %s', (shell) => {
  it('names every command and every option', async () => {
    const { code, stdout } = await runHere(['completion', shell]);
    expect(code).toBe(0);
    for (const { name, options } of leaves()) {
      for (const word of name.split(' ')) expect(stdout).toContain(word);
      for (const { long } of options) expect(stdout).toContain(`${long}`.slice(shell === 'fish' ? 2 : 0));
    }
  });
});

it('another shell is refused with the list of those that are known', async () => {
  const { code, stderr } = await runHere(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toContain('Allowed choices are bash, zsh, fish');
});

describe('the manual page', () => {
  it('has every command with its options, and every exit code', async () => {
    const { code, stdout } = await runHere(['man']);
    expect(code).toBe(0);
    const shown = stdout.replaceAll('\\-', '-');
    for (const { name, options } of leaves()) {
      expect(shown).toContain(`.SS throughline ${name}`);
      for (const { flags } of options) expect(shown).toContain(`.B ${flags}`);
    }
    for (const number of [0, 1, 2, 3, 4, 5, 70, 130]) expect(shown).toContain(`.B ${number}\n`);
  });

  it('has no line of text that roff would take for a command', async () => {
    const { stdout } = await runHere(['man']);
    const known = /^\.(TH|SH|SS|TP|B|I|RI)\b/;
    expect(stdout.split('\n').filter((line) => /^[.']/.test(line) && !known.test(line))).toEqual([]);
  });
});
