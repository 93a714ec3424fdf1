import { type Finding, isUnlimited } from './finding.ts';

/** What JetStream's answer `account_info` says about an account, or about a tier of it. A limit of 0, or below: there is none; but for `max_storage` only below 0. */
interface Limited {
  /** Bytes in use. */
  readonly storage: number;
  readonly limits: {
    readonly max_storage: number;
    readonly max_streams: number;
    /** How many consumers a stream may have. */
    readonly max_consumers: number;
    /** Absent: the server is too old to have this limit. */
    readonly max_ack_pending?: number;
    readonly max_bytes_required: boolean;
  };
}

/** JetStream's answer about an account. */
export type Account = Limited & { readonly tiers?: Readonly<Partial<Record<`R${number}`, Limited>>> };

/** What Throughline needs of its account. */
interface AccountNeeds {
  /** How many streams there must be room for. */
  readonly streams: number;
  /** Copies of each stream. An account may have limits for each number of copies: its tiers. */
  readonly copies: number;
  /** How many consumers a stream must be allowed. */
  readonly consumers: number;
  /** The largest `max_ack_pending` of a consumer. */
  readonly ackPending: number;
}

/** From this part of its storage on, an account counts as nearly full. */
const NEARLY_FULL = 0.7;

/** The limits in JetStream's answer about an account that are too low. */
export function limitFindings(
  account: Account,
  { streams, copies, consumers, ackPending }: AccountNeeds,
): Finding[] {
  const { tiers } = account;
  const tier = tiers === undefined || Object.keys(tiers).length === 0 ? account : tiers[`R${copies}`];
  if (tier === undefined) {
    const why = `streams with ${copies} copies are refused`;
    return [finding('tiers', Object.keys(tiers ?? {}).join(', '), `R${copies} too`, why)];
  }
  const { limits } = tier;
  return [
    ...atLeast(tier, 'max_streams', streams, 'there is no room for all streams'),
    ...atLeast(tier, 'max_consumers', consumers, 'the consumers of the workers are refused'),
    ...atLeast(tier, 'max_ack_pending', ackPending, 'the consumers of the workers are refused'),
    ...(limits.max_bytes_required ? [NEEDS_NO_LIMITS] : []),
    ...storageFindings(tier),
  ];
}

function storageFindings({ storage, limits: { max_storage: limit } }: Limited): Finding[] {
  if (limit === 0)
    return [finding('max_storage', limit, '-1, or more than 0', 'streams on disk are refused')];
  if (limit < 0 || storage < limit * NEARLY_FULL) return [];
  const wanted = `less than ${NEARLY_FULL * 100} % of max_storage, ${limit}`;
  const why = 'a full account refuses new jobs, and the events of running ones';
  return [{ ...finding('storage used', storage, wanted, why), level: 'weakens' }];
}

function atLeast(
  { limits }: Limited,
  setting: 'max_streams' | 'max_consumers' | 'max_ack_pending',
  least: number,
  why: string,
): Finding[] {
  const actual = limits[setting];
  return isUnlimited(actual) || Number(actual) >= least
    ? []
    : [finding(setting, actual, `-1, or at least ${least}`, why)];
}

function finding(setting: string, actual: unknown, wanted: string, why: string): Finding {
  return { of: 'account', setting, actual, wanted, why, level: 'breaks', fix: 'server' };
}

const NEEDS_NO_LIMITS = finding(
  'max_bytes_required',
  true,
  'false',
  'streams without a limit of their own are refused',
);
