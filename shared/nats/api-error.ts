/** Error codes of the JetStream API that the edge and the worker act on (nats-server, server/errors.json). */
export const API_CODE = {
  /** Fewer servers are up than the stream has copies. One may be away, or may not have joined yet. */
  noPeers: 10005,
  /** The cluster has no leader: most of its servers are away, or do not reach each other. */
  noLeader: 10008,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  messageNotFound: 10037,
  insufficientStorage: 10047,
  messageTooLarge: 10054,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  storeFailed: 10077,
  /** The same as `wrongLastSequence`, from a stream in a cluster, which cannot name the sequence. */
  wrongLastSequenceInCluster: 10164,
  /** Two consumers of a work queue would take the same messages: one without a filter, or two whose filters overlap. */
  consumersNotFiltered: 10099,
  consumersOverlap: 10100,
} as const;

const FULL: readonly number[] = [
  API_CODE.storeFailed,
  API_CODE.insufficientStorage,
  API_CODE.insufficientResources,
];
const WRONG_LAST_SEQUENCE: readonly number[] = [
  API_CODE.wrongLastSequence,
  API_CODE.wrongLastSequenceInCluster,
];

/** Whether the code says that the stream, or the server, has no room for another message. */
export function isFullCode(code: number | undefined): boolean {
  return code !== undefined && FULL.includes(code);
}

/**
 * Our code for a refusal of a message.
 * @param status what JetStream calls `code`: as of HTTP; 400 says that the same message would be refused again
 * @param errCode what it calls `err_code`: one of {@link API_CODE}, or another
 * @returns undefined for a refusal that says nothing about the message or the room for it
 */
export function refusalCode(
  status: number,
  errCode: number | undefined,
): 'stream-full' | 'payload-too-large' | 'broker-rejected' | undefined {
  if (isFullCode(errCode)) return 'stream-full';
  if (errCode === API_CODE.messageTooLarge) return 'payload-too-large';
  return status === 400 ? 'broker-rejected' : undefined;
}

/** Whether the code says that the last message on the subject is not the one that the publisher named. */
export function isWrongLastSequenceCode(code: number | undefined): boolean {
  return code !== undefined && WRONG_LAST_SEQUENCE.includes(code);
}

const OVERLAP: readonly number[] = [API_CODE.consumersNotFiltered, API_CODE.consumersOverlap];

/** Whether the code says that another consumer of the work queue takes messages that this one wants. */
export function isOverlapCode(code: number | undefined): boolean {
  return code !== undefined && OVERLAP.includes(code);
}
