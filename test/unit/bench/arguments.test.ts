import { CommanderError } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { readArguments } from '../../../bench/suite/arguments.ts';
import type { Part } from '../../../bench/suite/part.ts';

const PARTS: readonly Part[] = [
  { name: 'edge', what: 'the edge', tables: ['edge-1', 'edge-32'], run: async () => undefined },
  { name: 'size', what: 'the size', tables: ['size'], run: async () => undefined },
];

function read(...args: readonly string[]) {
  return readArguments(PARTS, args);
}

/** What a user reads who typed something wrong. */
function complaintOf(...args: readonly string[]): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(() => read(...args)).toThrow(CommanderError);
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

describe('the arguments of the benchmarks', () => {
  it('name parts; without one it is all of them, with five rounds', () => {
    expect(read('size').parts.map(({ name }) => name)).toEqual(['size']);
    expect(read()).toMatchObject({ parts: PARTS, rounds: 5, quick: false, only: '', checkout: [] });
  });

  it('that are wrong give one line', () => {
    expect(complaintOf('edges')).toMatch(/^error: .*'edges' is invalid.* edge, size\.\n$/);
    expect(complaintOf('--bogus')).toBe("error: unknown option '--bogus'\n");
    for (const rounds of ['2.5', '0', '-1', 'x', ''])
      expect(complaintOf('--rounds', rounds)).toMatch(/^error: .*It must be a whole number above 0\.\n$/);
  });

  it('with a text that is in no name of a table of these parts name the tables', () => {
    expect(read('edge', '--only', '32').only).toBe('32');
    expect(complaintOf('edge', '--only', 'size')).toBe(
      'error: no table has "size" in its name. The tables are: edge-1, edge-32\n',
    );
  });
});
