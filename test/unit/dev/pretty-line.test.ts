import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { prettyLine } from '../../../dev/pretty-line.ts';

const plain = (fields: object): string => stripVTControlCharacters(prettyLine(JSON.stringify(fields)));
const HEAD = { level: 'info', time: '2026-01-02T03:04:05.678Z', service: 'throughline-worker' };

describe('a log line in a terminal', () => {
  it('begins with time, part, level and message, and names the other fields', () => {
    expect(
      plain({ ...HEAD, msg: 'job ended', job_id: 'j1', duration_ms: 3, reason: 'two words', span_id: 'x' }),
    ).toBe('03:04:05.678 worker  info  job ended job_id=j1 duration_ms=3 reason="two words"');
  });

  it('shows the stack of an error on lines of its own', () => {
    expect(plain({ ...HEAD, level: 'warn', msg: 'attempt failed', stack: 'Error: x\n    at y' })).toBe(
      '03:04:05.678 worker  warn  attempt failed\n    Error: x\n        at y',
    );
  });

  it.each(['not json', '', '5', 'null', '{"no":"message"}', '{'])(
    'that is none of ours stays as it is: %j',
    (line) => {
      expect(prettyLine(line)).toBe(line);
    },
  );

  it('has no control character from a field', () => {
    expect(plain({ ...HEAD, msg: 'm', odd: '\u001b[31m' })).not.toContain('\u001b');
  });
});
