import type { ErrorCode } from '../../shared/errors.ts';

/** What may be wrong, or may keep a job from running or a trace from arriving. */
export type CauseCode =
  | 'edge-unreachable'
  | 'edge-not-ready'
  | 'edge-failing'
  | 'edge-without-nats'
  | 'edge-refused-by-nats'
  | 'key-invalid'
  | 'scope-missing'
  | 'nats-unreachable'
  | 'setting-invalid'
  | 'stream-missing'
  | 'stream-full'
  | 'outbox-rejected'
  | 'outbox-waits'
  | 'no-worker'
  | 'no-group'
  | 'nobody-pulls'
  | 'consumer-paused'
  | 'paused'
  | 'host-silent'
  | 'clock-wrong'
  | 'delayed'
  | 'limit-by-key'
  | 'retrying'
  | 'busy'
  | 'runs'
  | 'poison-job'
  | 'failed'
  | 'callback-given-up'
  | 'callback-retrying'
  | 'cancelled'
  | 'succeeded'
  | 'tracing-off'
  | 'collector-dead'
  | 'spans-lost'
  | 'spans-missing'
  | 'caller-span-missing'
  | 'traces-unreachable';

/** Something that is wrong, for a person and for programs. */
export interface Cause {
  readonly code: CauseCode;
  /** What is wrong, in a sentence without a full stop. */
  readonly cause: string;
  /** What shows it, one fact each. */
  readonly evidence: readonly string[];
  /** What to do about it; empty: nothing. */
  readonly advice: string;
}

/** Settings of the environment that are not valid. @param evidence the sentences of their schemas */
export function settingInvalid(evidence: readonly string[]): Cause {
  return {
    code: 'setting-invalid',
    cause: 'the environment of this command has a setting that is not valid',
    evidence,
    advice: 'docs/SETTINGS.md has the valid values of each setting',
  };
}

/** A part that could not be asked, and why. */
export interface Unasked {
  readonly part: string;
  readonly why: string;
  /** The code of the API's refusal, if the API refused it. */
  readonly code?: ErrorCode;
  /** Whether it was asked, and did not answer as it should. */
  readonly isFault: boolean;
}
