import { describeThrown } from '../../shared/errors.ts';
import type { Figures, Kind, Row } from './table.ts';

/** Something that can be measured again and again. */
export interface Contestant {
  readonly name: string;
  readonly kind: Kind;
  /** Measures once. */
  readonly measure: () => Promise<Figures>;
  /** Ends what it has started. */
  readonly stop?: () => Promise<void>;
}

/**
 * Measures all contestants in turns, once in each round, so that a slow moment of the machine affects all of them. The order
 * is turned round in each second round. A measurement that fails is missing in its row, which says why. At the end all are stopped.
 * @param warmUps rounds before the first that counts
 */
export async function inTurns(
  contestants: readonly Contestant[],
  rounds: number,
  warmUps = 0,
): Promise<Row[]> {
  const rows = contestants.map(({ name, kind }) => ({
    name,
    kind,
    rounds: [] as Figures[],
    failures: [] as string[],
  }));
  try {
    for (let round = -warmUps; round < rounds; round++)
      for (const n of order(contestants.length, round)) {
        const [contestant, row] = [contestants[n], rows[n]];
        if (contestant === undefined || row === undefined) continue;
        try {
          const figures = await contestant.measure();
          if (round >= 0) row.rounds.push(figures);
        } catch (thrown) {
          row.failures.push(describeThrown(thrown));
        }
      }
  } finally {
    await Promise.allSettled(contestants.map(({ stop }) => stop?.()));
  }
  return rows;
}

function order(count: number, round: number): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n);
  return round % 2 === 0 ? numbers : numbers.toReversed();
}
