import type { Agent, ClientRequest } from 'node:http';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import { retryAfterMs } from '../../../shared/text/retry-after.ts';
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
export interface SignalFormat<Batch> {
  /** The word of the signal in the names of OpenTelemetry's variables. */
  readonly variable: 'TRACES' | 'METRICS' | 'LOGS';
  /** The body of a request. */
  readonly write: (batch: Batch) => Uint8Array | undefined;
}

/** How an export ended. */
export interface Exported extends ExportResult {
  /** How much of a batch that was taken was not. */
  readonly rejected?: number;
  /** Why it was not. */
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

  constructor(target: OtlpTarget, environment: Environment, { variable, write }: SignalFormat<Batch>) {
    const serializer = {
      serializeRequest: write,
      deserializeResponse: (body: Uint8Array) => {
        this.#answer = readExportAnswer(new TextDecoder().decode(body.subarray(0, MAX_ANSWER)));
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
        withOwnRetryAfter(await options.agentFactory(protocol), asked);
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

function resultOf(answer: ExportAnswer): Exported {
  if (!answer.taken) return { code: ExportResultCode.FAILED, error: new Error(answer.reason) };
  return { ...answer, code: ExportResultCode.SUCCESS };
}

/** The part of an agent that Node calls with each request (`node:http`, `ClientRequest`). */
interface Requested {
  addRequest(request: ClientRequest, ...more: unknown[]): void;
}

/**
 * Lets the library see a `Retry-After` as we read it. It takes one that is unreadable, negative or past for "at once", and
 * spends all its tries within milliseconds. Without the header it waits longer before each try.
 */
function withOwnRetryAfter(agent: Agent, asked: (waitMs: number) => void): Agent {
  const requested = agent as unknown as Requested;
  const addRequest = requested.addRequest.bind(agent);
  requested.addRequest = (request, ...more) => {
    request.prependOnceListener('response', ({ headers, statusCode = 0 }) => {
      const waitMs = retryAfterMs(headers['retry-after'], Date.now()) ?? 0;
      if (waitMs > 0) headers['retry-after'] = String(Math.min(MAX_SECONDS, Math.ceil(waitMs / 1_000)));
      else delete headers['retry-after'];
      if (waitMs > 0 && RETRYABLE.includes(statusCode)) asked(waitMs);
    });
    addRequest(request, ...more);
  };
  return agent;
}
