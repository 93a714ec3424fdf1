import type { Agent, ClientRequest } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { retryAfterMs } from '../../../shared/text/retry-after.ts';
import { startTimer } from '../../../shared/timers.ts';
import {
  type ExportAnswer,
  MAX_ANSWER,
  RETRYABLE,
  readExportAnswer,
} from '../../../shared/trace/otlp/export-answer.ts';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import { type Environment, withoutHeaders } from './exporter-config.ts';

/** More is as good as for ever, and a larger number might not be written in digits. */
const MAX_SECONDS = 1_000_000;

/** The longest pause that a collector may ask for. */
export const MAX_PAUSE_MS = 60_000;

/** What is different from signal to signal. */
interface SignalFormat<Batch> {
  /** The word of the signal in the names of OpenTelemetry's variables. */
  readonly variable: 'TRACES' | 'METRICS' | 'LOGS';
  /** The body of a request. */
  readonly write: (batch: Batch) => Uint8Array | undefined;
  /** Whether a collector that cannot be reached is not tried again, because somebody waits for the end of the process. */
  readonly isBrief?: boolean;
}

/** How an export ended. */
export interface Exported extends ExportResult {
  /** How much of a batch that was taken was not. */
  readonly rejected?: number;
  /** Why it was not. If all of it was taken: what the collector warns of. */
  readonly reason?: string;
}

/**
 * Sends batches of one signal as OTLP over HTTP with OpenTelemetry's own transport: its tries, its compression and its
 * certificates. It reads the answers itself, since the library takes every answer of 2xx for a success, and only logs what was rejected.
 */
export class OtlpExporter<Batch> {
  readonly #library: OTLPExporterBase<Batch>;
  /** What the collector said last. The library reads an answer and ends its export in one turn. */
  #answer: ExportAnswer | undefined;
  /** Until then the collector wants nothing (`Retry-After`), on the clock of `performance.now()`. */
  #pausedUntil = 0;

  constructor(
    target: OtlpTarget,
    environment: Environment,
    { variable, write, isBrief = false }: SignalFormat<Batch>,
  ) {
    const serializer = {
      serializeRequest: write,
      deserializeResponse: (body: Uint8Array) => {
        this.#answer = readExportAnswer(new TextDecoder().decode(unzipped(body).subarray(0, MAX_ANSWER)));
        return {};
      },
    };
    const none = { name: 'span' as const, countItems: () => 0 };
    const json = { 'Content-Type': 'application/json' };
    const asked = (waitMs: number): void => {
      this.#pausedUntil = performance.now() + Math.min(waitMs, MAX_PAUSE_MS);
    };
    this.#library = withoutHeaders(target, environment, (config) => {
      const options = convertLegacyHttpOptions(config, variable, `v1/${variable.toLowerCase()}`, json);
      const agentFactory = async (protocol: string) =>
        withOwnTries(await options.agentFactory(protocol), {
          asked,
          isBrief,
          longestMs: 2 * target.timeoutMs,
        });
      const own = { ...options, agentFactory };
      const delegate = createOtlpHttpExportDelegate(own, serializer, '', none, undefined);
      return new OTLPExporterBase<Batch>(delegate);
    });
  }

  /** For how many milliseconds a collector that is busy wants nothing more. An export is sent nevertheless. */
  get pauseMs(): number {
    return Math.max(0, this.#pausedUntil - performance.now());
  }

  export(batch: Batch, done: (result: Exported) => void): void {
    this.#library.export(batch, (result) => {
      const answer = this.#answer;
      this.#answer = undefined;
      done(result.code === ExportResultCode.SUCCESS && answer !== undefined ? resultOf(answer) : result);
    });
  }

  async forceFlush(): Promise<void> {
    await this.#library.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.#library.shutdown();
  }
}

/** The first two bytes of what is zipped with gzip. */
const GZIP = [0x1f, 0x8b];
/** More is not unzipped. */
const MAX_UNZIPPED = 1_024 * 1_024;

/** The bytes of an answer. A server may zip it although nobody asked for that (RFC 9110, section 12.5.3), and the library does not unzip it. */
function unzipped(body: Uint8Array): Uint8Array {
  if (GZIP.some((byte, place) => body[place] !== byte)) return body;
  try {
    return gunzipSync(body, { maxOutputLength: MAX_UNZIPPED });
  } catch {
    return new Uint8Array();
  }
}

function resultOf(answer: ExportAnswer): Exported {
  if (!answer.taken) return { code: ExportResultCode.FAILED, error: new Error(answer.reason) };
  return { ...answer, code: ExportResultCode.SUCCESS };
}

/** The part of an agent that Node calls with each request (`node:http`, `ClientRequest`). */
interface Requested {
  addRequest(request: ClientRequest, ...more: unknown[]): void;
}

/** What Node says about a collector that is not there. Another try within seconds finds none either. */
const NOT_THERE = ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH'];

/** How an export is tried again. */
interface Tries {
  /** Is told for how many milliseconds a collector that is busy wants nothing more. */
  readonly asked: (waitMs: number) => void;
  readonly isBrief: boolean;
  /** A request whose answer has no end by then is given up: the library waits for ever, and sends at most 30 at the same time. */
  readonly longestMs: number;
}

/**
 * Lets the library see a `Retry-After` as we read it. It takes one that is unreadable, negative or past for "at once", and
 * spends all its tries within milliseconds. Without the header it waits longer before each try. It knows by the code of an
 * error that another try makes sense, so a process that is brief hides the codes after which none does.
 */
function withOwnTries(agent: Agent, { asked, isBrief, longestMs }: Tries): Agent {
  const requested = agent as unknown as Requested;
  const addRequest = requested.addRequest.bind(agent);
  requested.addRequest = (request, ...more) => {
    const timer = startTimer(longestMs, () => request.destroy());
    request.once('close', timer.stop);
    request.prependOnceListener('response', ({ headers, statusCode = 0 }) => {
      const waitMs = retryAfterMs(headers['retry-after'], Date.now()) ?? 0;
      if (waitMs > 0) headers['retry-after'] = String(Math.min(MAX_SECONDS, Math.ceil(waitMs / 1_000)));
      else delete headers['retry-after'];
      if (waitMs > 0 && RETRYABLE.includes(statusCode)) asked(waitMs);
    });
    if (isBrief)
      request.prependOnceListener('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== undefined && NOT_THERE.includes(error.code)) delete error.code;
      });
    addRequest(request, ...more);
  };
  return agent;
}
