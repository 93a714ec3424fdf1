import { errorFrom } from '../../shared/error-table.ts';
import type { ThroughlineError } from '../../shared/errors.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { type HeaderValues, headerValues } from '../../shared/wire/headers.ts';
import { asksForCallback, readJobSpec } from '../../shared/wire/job-headers.ts';
import { type JobMessage, readJobMessage } from '../../shared/wire/job-message.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import { parseJobSubject, UNREADABLE_TENANT } from '../../shared/wire/subjects.ts';
import type { Delivery } from '../broker/consume/delivery.ts';

/** What a message says. */
export interface DecodedMessage {
  /** Its headers. */
  readonly values: HeaderValues;
  readonly job: JobMessage;
  /** What the subject says; undefined if it is not that of a job. */
  readonly address: JobAddress | undefined;
  /** Why the message is not a valid job message; undefined if it is valid. */
  readonly fault: ThroughlineError | undefined;
  /** Whether the job asks for a callback that cannot be read. The edge never sends such a job. */
  readonly hasBadCallback: boolean;
}

/** Reads the job of a delivery. Never throws. */
export function decode(delivery: Delivery): DecodedMessage {
  const values = headerValues(delivery.headers);
  try {
    const job = readJobMessage(delivery.subject, values, delivery.data);
    return {
      values,
      job,
      address: job.address,
      fault: undefined,
      hasBadCallback: job.spec.callback === undefined && asksForCallback(values),
    };
  } catch (thrown) {
    const fault = errorFrom(thrown, 'message-invalid');
    const address = parseJobSubject(delivery.subject);
    const job = unreadableJob(delivery, values, address);
    return { values, job, address, fault, hasBadCallback: false };
  }
}

/**
 * Makes a job message from the subject and the headers of an unreadable message, so that the job's end can be recorded.
 */
function unreadableJob(
  delivery: Delivery,
  values: HeaderValues,
  address: JobAddress | undefined,
): JobMessage {
  const redrive = readRedrive(values);
  return {
    address: address ?? addressBySequence(delivery),
    acceptedAt: undefined,
    spec: { maxAttempts: 1, callback: readJobSpec(values).callback },
    ...(redrive === undefined ? {} : { redrive }),
    input: null,
  };
}

/** Makes an address for a message whose subject does not hold an address. */
export function addressBySequence({ sequence }: Pick<Delivery, 'sequence'>): JobAddress {
  return { tenant: UNREADABLE_TENANT, jobId: `seq-${sequence}`, operation: 'unknown' };
}
