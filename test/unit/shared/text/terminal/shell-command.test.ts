import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellCommand, shellWord } from '../../../../../shared/text/terminal/shell-command.ts';

/** What a program gets if a person pastes this command. */
function pasted(command: string): string[] {
  const script = `show() { [ "$1" = -- ] && shift; printf '%s\\0' "$@"; }; ${command}`;
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

const TEXTS = [
  'plain',
  'two words',
  "it's",
  '"quoted"',
  '$HOME',
  '`id`',
  '$(id)',
  'a;b',
  'a&b|c>d',
  '*',
  '~',
  '#no',
  '!1',
  'back\\slash',
  'a\nb',
  '\u001b[2J1',
  "'\n\\",
  '\u202e',
  'ä ö',
  '👍 👍',
  '',
  '-rf',
  '--',
  'a=b',
  '=ls',
];

describe('a command that is printed for people to paste', () => {
  it.each(TEXTS)('gives its program %j as one argument', (text) => {
    expect(pasted(shellCommand('show', text, 'next'))).toEqual([text, 'next']);
    expect(pasted(`show x=${shellWord(text)}`)).toEqual([`x=${text}`]);
  });

  it('is one line that a terminal shows as it is', () => {
    for (const text of TEXTS) expect(shellCommand('show', text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it('has no quotes where none are needed', () => {
    expect(shellCommand('throughline watch', '0190f5a1-7c1e')).toBe('throughline watch 0190f5a1-7c1e');
    expect(shellCommand('cd', 'jobs/my_jobs')).toBe('cd jobs/my_jobs');
  });

  it('marks where its options end before an argument that looks like one', () => {
    expect(shellCommand('cd', '-jobs')).toBe('cd -- -jobs');
  });
});
