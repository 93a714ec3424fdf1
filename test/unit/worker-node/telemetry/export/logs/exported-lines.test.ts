import { expect, it } from 'vitest';
import { ExportedLines } from '../../../../../../worker-node/telemetry/export/logs/exported-lines.ts';

it('lines of the start wait, and are sent first', () => {
  const sent: string[] = [];
  const lines = new ExportedLines();
  lines.add('early');
  lines.start((line) => void sent.push(line));
  lines.add('late');
  expect(sent).toEqual(['early', 'late']);
});

it('a line about lost lines is not sent, and the next one is', () => {
  const sent: string[] = [];
  const lines = new ExportedLines();
  lines.start((line) => void sent.push(line));
  expect(() =>
    lines.without(() => {
      lines.add('lost');
      throw new Error('the log is closed');
    }),
  ).toThrow('the log is closed');
  lines.add('next');
  expect(sent).toEqual(['next']);
});

it('nothing waits if nothing is sent', () => {
  const sent: string[] = [];
  const lines = new ExportedLines();
  lines.add('early');
  lines.start(undefined);
  lines.add('late');
  lines.start((line) => void sent.push(line));
  expect(sent).toEqual([]);
});
