import { InvalidArgumentError, type MsgHdrsImpl } from '@nats-io/nats-core';
import type { SetHeader } from '../../wire/headers.ts';

const LINE_BREAK = /[\r\n]/;

/**
 * Sets headers of a message to NATS. Their names are ours, so only the values are checked: the client's own `set` (nats-core 3.4.0)
 * checks each name too, and looks for it among all others.
 * @throws InvalidArgumentError of the NATS client, for a value with a line break
 */
export function headerSetter({ headers }: MsgHdrsImpl): SetHeader {
  return (name, value) => {
    if (LINE_BREAK.test(value)) throw new InvalidArgumentError(`the header ${name} has a line break`);
    headers.set(name, [value.trim()]);
  };
}
