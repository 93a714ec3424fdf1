import type {
  AnswerEntry,
  AttemptEntry,
  DeadEntry,
  EffectEntry,
  EventEntry,
  FaultEntry,
  LedgerRecord,
  SampleEntry,
} from '../ledger/ledger.ts';

const TERMINAL = ['succeeded', 'failed', 'cancelled'] as const;
type End = (typeof TERMINAL)[number];

/** Why a job was started again, as far as the ledger shows it. */
export type DuplicateCause =
  /** The execution before it failed on purpose, or was handed back: a new attempt, no duplicate. */
  | 'attempt'
  /** The worker of one of the two was killed or paused between them. */
  | 'worker'
  /** The broker, or the connection to it, was disturbed between the two. */
  | 'broker'
  | 'unexplained';

/** The entries of one idempotency key. */
export interface KeyView {
  readonly key: string;
  readonly attempts: AttemptEntry[];
  readonly answers: AnswerEntry[];
}

/** The entries of one job. */
export interface JobView {
  readonly id: string;
  /** In the order of the stream, each once. */
  readonly events: EventEntry[];
  readonly dead: DeadEntry[];
  /** The begins of its executions, ordered by time. */
  readonly begins: EffectEntry[];
  readonly ends: EffectEntry[];
}

/** A run's entries, by key and by job. */
export class LedgerView {
  readonly record: LedgerRecord;
  readonly keys = new Map<string, KeyView>();
  readonly jobs = new Map<string, JobView>();
  readonly faults: readonly FaultEntry[];
  readonly samples: readonly SampleEntry[];
  /** Accepted job ids, in the order of their first acceptance, with its time. */
  readonly accepted = new Map<string, number>();

  constructor(record: LedgerRecord) {
    this.record = record;
    this.faults = record.load.filter((entry) => entry.type === 'fault');
    this.samples = record.load.filter((entry) => entry.type === 'sample');
    for (const entry of record.load) {
      if (entry.type === 'attempt') this.#key(entry.key).attempts.push(entry);
      if (entry.type === 'answer') this.#takeAnswer(entry);
    }
    this.#takeCollected();
    for (const effect of record.effects) {
      const job = this.#job(effect.jobId);
      (effect.phase === 'begin' ? job.begins : job.ends).push(effect);
    }
    for (const { begins } of this.jobs.values()) begins.sort((left, right) => left.at - right.at);
  }

  get executions(): number {
    return this.record.effects.filter(({ phase }) => phase === 'begin').length;
  }

  losses(): { prefix: number; middle: number; postfix: number } {
    const ended = [...this.accepted.keys()].map((id) => this.isEnded(id));
    const first = ended.indexOf(true);
    const last = ended.lastIndexOf(true);
    const losses = { prefix: 0, middle: 0, postfix: 0 };
    for (const [index, ok] of ended.entries()) {
      if (ok) continue;
      if (first === -1 || index < first) losses.prefix++;
      else if (index > last) losses.postfix++;
      else losses.middle++;
    }
    return losses;
  }

  isEnded(jobId: string): boolean {
    return this.jobs.get(jobId)?.events.some(isEnd) ?? false;
  }

  endCounts(): Record<End, number> {
    const counts = { succeeded: 0, failed: 0, cancelled: 0 };
    for (const { events } of this.jobs.values()) {
      const end = events.find(isEnd);
      if (end !== undefined) counts[end.kind as End]++;
    }
    return counts;
  }

  keyCounts() {
    const views = [...this.keys.values()];
    const ofKind = (outcome: AnswerEntry['outcome']): number =>
      views.flatMap(({ answers }) => answers).filter((answer) => answer.outcome === outcome).length;
    const accepted = views.filter(isAccepted);
    const refused = views.filter((view) => !isAccepted(view) && isRefused(view));
    return {
      keys: views.length,
      accepted: accepted.length,
      refused: refused.length,
      unknown: views.length - accepted.length - refused.length,
      refusals: ofKind('refused'),
      unknowns: ofKind('unknown'),
    };
  }

  /** How often a job was started again, by cause. */
  duplicates(): Record<DuplicateCause, number> {
    const counts = { attempt: 0, worker: 0, broker: 0, unexplained: 0 };
    for (const job of this.jobs.values()) {
      const ended = job.events
        .filter(({ kind }) => kind === 'retrying' || kind === 'released')
        .map(({ at }) => at);
      for (const [index, second] of job.begins.slice(1).entries()) {
        const first = job.begins[index];
        if (first !== undefined) counts[causeOf(first, second, this.faults, ended)]++;
      }
    }
    return counts;
  }

  #takeAnswer(answer: AnswerEntry): void {
    this.#key(answer.key).answers.push(answer);
    const { jobId, outcome, at } = answer;
    if (outcome === 'accepted' && jobId !== undefined && !this.accepted.has(jobId))
      this.accepted.set(jobId, at);
  }

  /** A collector that was cut off writes some entries twice; they have the same sequence. */
  #takeCollected(): void {
    const seen = new Set<string>();
    const entries = [...this.record.collected].sort((left, right) => left.sequence - right.sequence);
    for (const entry of entries) {
      const id = `${entry.type} ${entry.sequence}`;
      if (seen.has(id)) continue;
      seen.add(id);
      const job = this.#job(entry.jobId);
      if (entry.type === 'event') job.events.push(entry);
      else job.dead.push(entry);
    }
  }

  #key(key: string): KeyView {
    const known = this.keys.get(key);
    if (known !== undefined) return known;
    const view = { key, attempts: [], answers: [] };
    this.keys.set(key, view);
    return view;
  }

  #job(id: string): JobView {
    const known = this.jobs.get(id);
    if (known !== undefined) return known;
    const view = { id, events: [], dead: [], begins: [], ends: [] };
    this.jobs.set(id, view);
    return view;
  }
}

/** Whether a job ends with this event. */
export function isEnd({ kind }: EventEntry): boolean {
  return (TERMINAL as readonly string[]).includes(kind);
}

export function isAccepted({ answers }: KeyView): boolean {
  return answers.some(({ outcome }) => outcome === 'accepted');
}

/** Whether every answer said that no job was made. */
export function isRefused({ attempts, answers }: KeyView): boolean {
  return (
    answers.length > 0 &&
    answers.length >= attempts.length &&
    answers.every(({ outcome }) => outcome === 'refused')
  );
}

/**
 * Finds the cause of the second of two successive executions of a job.
 * @param ended when the stream stored the events that end an attempt and not the job (`retrying`, `released`)
 */
function causeOf(
  first: EffectEntry,
  second: EffectEntry,
  faults: readonly FaultEntry[],
  ended: readonly number[],
): DuplicateCause {
  if (ended.some((at) => at >= first.at && at <= second.at)) return 'attempt';
  const between = faults.filter(({ at, until = at }) => until >= first.at && at <= second.at);
  const pids = [undefined, first.pid, second.pid];
  if (between.some(({ target, pid }) => target === 'worker' && pids.includes(pid))) return 'worker';
  return between.some(({ target }) => target !== 'worker') ? 'broker' : 'unexplained';
}
