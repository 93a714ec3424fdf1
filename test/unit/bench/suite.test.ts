import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Circumstances, circumstancesText } from '../../../bench/suite/circumstances.ts';
import { JsonFile } from '../../../bench/suite/json.ts';
import { type Contestant, inTurns } from '../../../bench/suite/rounds.ts';
import { tableSvg } from '../../../bench/suite/svg.ts';
import { notesOf, type Row, spreadOf, type Table } from '../../../bench/suite/table.ts';
import { tableText } from '../../../bench/suite/terminal.ts';
import { scratchFolder } from '../../support/cleanup.ts';

const SPEED = { name: 'requests', unit: '/s' };
const COST = { name: 'workerd', unit: 'µs', digits: 1 };
const CIRCUMSTANCES: Circumstances = {
  machine: '2 cores (one of a test), 4 GiB',
  node: '24.0.0',
  natsServer: '2.14.5',
  commit: '0123456789abcdef',
  changed: true,
};

function row(...speeds: readonly number[]): Row {
  return { name: 'a < b', kind: 'ours', rounds: speeds.map((requests) => ({ requests })) };
}

function table(rows: readonly Row[], more: Partial<Table> = {}): Table {
  return { name: 'one', title: 'One & all', columns: [SPEED, COST], rows, notes: ['A note.'], ...more };
}

describe('the spread of a row', () => {
  it('is the median of its rounds, the least and the most; of an even number, the upper of the two in the middle', () => {
    expect(spreadOf(row(30, 10, 20), SPEED)).toEqual({ median: 20, least: 10, most: 30 });
    expect(spreadOf(row(40, 10, 20, 30), SPEED)).toEqual({ median: 30, least: 10, most: 40 });
  });

  it('leaves out rounds without this figure; without any there is none', () => {
    expect(spreadOf(row(30, Number.NaN, 10), SPEED)).toEqual({ median: 30, least: 10, most: 30 });
    expect(spreadOf(row(30), COST)).toBe(undefined);
    expect(spreadOf(row(), SPEED)).toBe(undefined);
  });
});

describe('contestants in turns', () => {
  it('go the other way in each second round, and warm-ups do not count', async () => {
    const measured: string[] = [];
    const stopped: string[] = [];
    const contestant = (name: string): Contestant => ({
      name,
      kind: 'ours',
      measure: async () => ({ requests: measured.push(name) }),
      stop: async () => void stopped.push(name),
    });
    const rows = await inTurns([contestant('a'), contestant('b')], 2, 1);
    expect(measured.join('')).toBe('baabba');
    expect(stopped).toEqual(['a', 'b']);
    expect(rows.map(({ name, rounds }) => [name, rounds.map(({ requests }) => requests)])).toEqual([
      ['a', [3, 6]],
      ['b', [4, 5]],
    ]);
  });

  it('keep the rounds that are finished when one fails, and say why it failed', async () => {
    let calls = 0;
    const failing: Contestant = {
      name: 'a',
      kind: 'ours',
      measure: async () => {
        if (++calls === 2) throw new Error('all 7 requests failed');
        return { requests: calls, failed: calls };
      },
    };
    const rows = await inTurns(
      [failing, { ...failing, name: 'b', measure: async () => ({ requests: 1 }) }],
      3,
    );
    expect(rows.map(({ rounds }) => rounds.length)).toEqual([2, 3]);
    expect(notesOf(table(rows))).toEqual([
      'A note.',
      'a: 4 requests failed.',
      'a: 1 of 3 rounds have no figures: all 7 requests failed',
    ]);
  });
});

describe('the picture of a table', () => {
  it('has a bar for each row, and names the first column if the table chooses none', () => {
    const svg = tableSvg(table([row(10, 20, 40), row(5)]));
    expect(svg).toContain('requests, /s');
    expect(svg.match(/rx="2"/g)).toHaveLength(2);
    expect(svg).toContain('a &lt; b');
    expect(svg).toContain('<title>One &amp; all</title>');
  });

  it('is of the column that the table chooses, and says which rows have no figure', () => {
    const svg = tableSvg(table([row(10)], { picture: 'workerd' }));
    expect(svg).toContain('workerd, µs');
    expect(svg).toContain('not measured');
  });
});

describe('a table on the terminal', () => {
  it('has medians with their spread, marks limits and says what is not measured', () => {
    const limit: Row = { ...row(1_000), name: 'the limit', kind: 'limit' };
    const lines = tableText(table([row(10, 20, 40), limit])).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}a < b +20 \(10-40\) +-$/));
    expect(lines).toContainEqual(expect.stringMatching(/^= the limit +1,000 +-$/));
  });

  it('has one line below it about the machine, the programs, the code and the day', () => {
    expect(circumstancesText(CIRCUMSTANCES, new Date('2026-11-27T12:00:00Z'), 'wrk 4.1.0')).toBe(
      '2 cores (one of a test), 4 GiB, Node 24.0.0, nats-server 2.14.5, wrk 4.1.0, commit 01234567 with changes, 27 November 2026.',
    );
  });
});

describe('the file of figures', () => {
  const at = new Date('2026-11-27T12:00:00Z');
  const read = async (file: string) => JSON.parse(await readFile(file, 'utf8'));

  it('keeps its tables, replaces the one that is measured again, and tells on what it was measured', async () => {
    const file = path.join(await scratchFolder(), 'figures.json');
    JsonFile.open(file).add(table([row(10)]), CIRCUMSTANCES, at);
    const again = JsonFile.open(file);
    again.add(table([row(20)], { name: 'two', sender: 'wrk 4.1.0' }), CIRCUMSTANCES, at);
    again.add(table([row(30, 50, 40)]), CIRCUMSTANCES, at);
    const { one, two } = await read(file);
    expect(one.rows[0].figures.requests).toEqual({ median: 40, least: 30, most: 50 });
    expect(two).toMatchObject({ ...CIRCUMSTANCES, at: at.toISOString(), sender: 'wrk 4.1.0' });
  });

  it('that cannot be used is refused before anything is measured, and stays as it is', async () => {
    const folder = await scratchFolder();
    const broken = path.join(folder, 'broken.json');
    await writeFile(broken, '{"one":');
    expect(() => JsonFile.open(broken)).toThrow(`--json ${broken}: `);
    expect(await readFile(broken, 'utf8')).toBe('{"one":');
    expect(() => JsonFile.open(folder)).toThrow(`--json ${folder}: EISDIR`);
    expect(() => JsonFile.open('/nowhere/figures.json')).toThrow('--json /nowhere/figures.json: ENOENT');
    await writeFile(broken, '[]');
    expect(() => JsonFile.open(broken)).toThrow('the file has no JSON object in it');
  });
});
