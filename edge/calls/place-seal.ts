import type { HistoryEvent } from '../../shared/api/answers/job-history.ts';
import { fromBase64Url, toBase64Url } from '../../shared/bytes.ts';
import type { JobKey } from '../../shared/job/job-address.ts';

/** What a sealed place looks like: 16 bytes in base64url. */
export const SEALED = /^[A-Za-z0-9_-]{22}$/;

const BYTES = 15;

type SealKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** The settings whose secret values the edge and all its bridges have in common. */
type Secrets = Readonly<
  Partial<Record<'NATS_CREDS' | 'NATS_TOKEN' | 'NATS_PASSWORD', unknown>> & {
    NATS_URL: { readonly login?: unknown };
    API_KEYS: ReadonlyMap<string, { readonly hash: string }>;
  }
>;

/**
 * Turns places in a stream into opaque texts for callers, and back. A place is a sequence, and it counts the messages of
 * all tenants: docs/decisions/edge.md, "Opaque places". Every isolate and every bridge reads what another one wrote.
 */
export class PlaceSeal {
  readonly #secret: string;
  #key: SealKey | undefined;

  constructor({ NATS_CREDS, NATS_TOKEN, NATS_PASSWORD, NATS_URL, API_KEYS }: Secrets) {
    const hashes = [...API_KEYS.values()].map(({ hash }) => hash);
    this.#secret = JSON.stringify(
      NATS_CREDS ?? NATS_TOKEN ?? NATS_PASSWORD ?? NATS_URL.login ?? [NATS_URL, hashes],
    );
  }

  /**
   * The text for one or two sequences.
   * @param scope what the place belongs to, such as the events of a job. {@link open} reads the text in this scope only
   */
  async seal(scope: string, first: number, second = 0): Promise<string> {
    // AES-CBC pads 15 bytes to one block, so the text is the block under a key that no caller has.
    const plain = new DataView(new ArrayBuffer(BYTES));
    writeSequence(plain, 0, first);
    writeSequence(plain, 6, second);
    const [key, algorithm] = [await this.#keyOf(), await algorithmOf(scope)];
    return toBase64Url(new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plain)));
  }

  /** The sequences in a text; undefined where `seal` did not make the text in this scope. */
  async open(scope: string, text: string): Promise<[first: number, second: number] | undefined> {
    if (!SEALED.test(text)) return undefined;
    const [key, algorithm] = [await this.#keyOf(), await algorithmOf(scope)];
    try {
      const plain = new DataView(await crypto.subtle.decrypt(algorithm, key, fromBase64Url(text)));
      const isOurs = plain.byteLength === BYTES && plain.getUint16(12) === 0 && plain.getUint8(14) === 0;
      return isOurs ? [readSequence(plain, 0), readSequence(plain, 6)] : undefined;
    } catch {
      return undefined;
    }
  }

  async #keyOf(): Promise<SealKey> {
    if (this.#key !== undefined) return this.#key;
    const key = await crypto.subtle.importKey('raw', await sha256(this.#secret), 'AES-CBC', false, [
      'encrypt',
      'decrypt',
    ]);
    this.#key = key;
    return key;
  }
}

async function algorithmOf(scope: string): Promise<{ name: string; iv: ArrayBuffer }> {
  return { name: 'AES-CBC', iv: (await sha256(scope)).slice(0, 16) };
}

function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
}

/** 48 bits: a stream never holds as many messages. */
function writeSequence(view: DataView, at: number, sequence: number): void {
  view.setUint16(at, sequence / 2 ** 32);
  view.setUint32(at + 2, sequence % 2 ** 32);
}

function readSequence(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

/** An event with an opaque id instead of its sequence. */
export async function sealEvent(seal: PlaceSeal, job: JobKey, event: HistoryEvent): Promise<HistoryEvent> {
  return { ...event, id: await seal.seal(eventScope(job), Number(event.id)) };
}

/** The events with opaque ids instead of sequences. */
export function sealEvents(
  seal: PlaceSeal,
  job: JobKey,
  events: readonly HistoryEvent[],
): Promise<HistoryEvent[]> {
  return Promise.all(events.map((event) => sealEvent(seal, job, event)));
}

/** Whose events they are: the scope of their sealed ids. */
export function eventScope({ tenant, jobId }: JobKey): string {
  return `events ${tenant} ${jobId}`;
}
