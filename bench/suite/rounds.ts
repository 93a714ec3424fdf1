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
 * is turned round in each second round. At the end all are stopped, also after an error.
 * @param warmUps rounds before the first that counts
 */
export async function inTurns(
  contestants: readonly Contestant[],
  rounds: number,
  warmUps = 0,
): Promise<Row[]> {
  const measured = contestants.map((): Figures[] => []);
  try {
    for (let round = -warmUps; round < rounds; round++)
      for (const n of order(contestants.length, round)) {
        const figures = await contestants[n]?.measure();
        if (figures !== undefined && round >= 0) measured[n]?.push(figures);
      }
  } finally {
    await Promise.allSettled(contestants.map(({ stop }) => stop?.()));
  }
  return contestants.map(({ name, kind }, n) => ({ name, kind, rounds: measured[n] ?? [] }));
}

function order(count: number, round: number): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n);
  return round % 2 === 0 ? numbers : numbers.toReversed();
}
