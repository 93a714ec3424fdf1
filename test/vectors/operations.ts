/** Values of the bucket OPERATIONS: what is taken, what is refused, and why. */
import { OperationAnnouncement } from '../../shared/api/operation.ts';
import { schemaFaults } from '../../shared/text/schema-faults.ts';
import { ADDRESS } from './facts.ts';

const LEAST = {
  name: ADDRESS.operation,
  inputSchema: true,
  timeoutMs: 30_000,
  maxAttempts: 5,
  host: 'host-1',
};
const INPUT = { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] };

const CASES: readonly { readonly what: string; readonly value: Readonly<Record<string, unknown>> }[] = [
  { what: 'the least that is taken: any input', value: LEAST },
  {
    what: 'a schema for people, and the same one for the edge, which refuses all that the operation refuses',
    value: { ...LEAST, inputSchema: INPUT, inputCheck: INPUT, inputCheckIsWhole: true },
  },
  {
    what: 'everything',
    value: {
      ...LEAST,
      inputSchema: INPUT,
      outputSchema: true,
      description: 'Makes a thumbnail.',
      concurrency: { key: 'tenant', limit: 10 },
      rateLimit: { key: '/url', limit: 100, periodMs: 60_000 },
    },
  },
  { what: 'fields that nobody knows are ignored', value: { ...LEAST, extra: 1 } },
  { what: 'a name that is not that of the key', value: { ...LEAST, name: 'image.other' } },
  { what: 'no limits', value: { name: ADDRESS.operation, inputSchema: true } },
  { what: 'a time limit of more than a day', value: { ...LEAST, timeoutMs: 86_400_001 } },
  { what: 'more than 100 attempts', value: { ...LEAST, maxAttempts: 101 } },
  { what: 'a schema that is a text', value: { ...LEAST, inputSchema: 'object' } },
  { what: 'a name in capitals', value: { ...LEAST, name: 'Image' } },
  { what: 'a limit without a number', value: { ...LEAST, concurrency: { key: 'tenant' } } },
];

/** `reason`: the words in the edge's log after `an announcement cannot be read`; null: the value is taken. */
export function operations() {
  return CASES.map(({ what, value }) => {
    const { data, error } = OperationAnnouncement.safeParse(value);
    const isOther = data !== undefined && data.name !== ADDRESS.operation;
    const reason = isOther ? '/name is not the key' : error === undefined ? null : schemaFaults(error);
    return { what, key: ADDRESS.operation, subject: `$KV.OPERATIONS.${ADDRESS.operation}`, value, reason };
  });
}
