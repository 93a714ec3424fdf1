import { type Context, createContextKey, trace } from '@opentelemetry/api';
import { TokenBuckets } from '../../shared/collections/token-buckets.ts';
import type { SpanCounts } from './export/span-counts.ts';
import type { TelemetrySettings } from './settings.ts';

const CALLER = createContextKey('throughline caller');
const MINUTE_MS = 60_000;

type BudgetSettings = Pick<TelemetrySettings, 'TRACE_ANONYMOUS_PER_MINUTE' | 'TRACE_FORCED_PER_MINUTE'>;

/** Who sent the request that a span is about. */
interface Caller {
  /** Undefined if the caller is anonymous. */
  readonly tenant: string | undefined;
}

/** Notes in the context of a request who sent it. The request's first span is counted by it. */
export function withCaller(context: Context, tenant: string | undefined): Context {
  return context.setValue(CALLER, { tenant } satisfies Caller);
}

/**
 * How many traces are recorded in a minute: of all anonymous callers together, and of each tenant whose requests force the
 * sampler. A trace beyond that is not recorded at all.
 */
export class TraceBudget {
  readonly #anonymous = new TokenBuckets();
  readonly #forced = new TokenBuckets();
  readonly #settings: BudgetSettings;
  readonly #counts: SpanCounts;
  readonly #now: () => number;

  constructor(settings: BudgetSettings, counts: SpanCounts, now: () => number) {
    this.#settings = settings;
    this.#counts = counts;
    this.#now = now;
  }

  /**
   * Counts the trace of a span that is about to start, if it is the first span of a request.
   * @param takesAll whether the sampler takes every trace that starts here. If not, a sampled context of the caller forces it
   * @returns whether the trace is beyond the budget
   */
  isOver(context: Context, takesAll: boolean): boolean {
    const caller = context.getValue(CALLER) as Caller | undefined;
    const parent = trace.getSpanContext(context);
    const isFirst = parent === undefined || parent.isRemote === true;
    if (caller === undefined || !isFirst) return false;
    const isOver = this.#take(caller, parent !== undefined && !takesAll) > 0;
    if (isOver) this.#counts.addLost('overBudget', 1);
    return isOver;
  }

  #take({ tenant }: Caller, isForced: boolean): number {
    const { TRACE_ANONYMOUS_PER_MINUTE: anonymous, TRACE_FORCED_PER_MINUTE: forced } = this.#settings;
    if (tenant === undefined)
      return this.#anonymous.take('', this.#now(), { capacity: anonymous, periodMs: MINUTE_MS });
    return isForced ? this.#forced.take(tenant, this.#now(), { capacity: forced, periodMs: MINUTE_MS }) : 0;
  }
}
