import { CliError } from '../../cli-error.ts';
import type { CliConfig } from '../../config.ts';
import { DevCollector } from './dev-collector.ts';
import { Jaeger } from './jaeger.ts';
import { OtlpFile } from './otlp-file.ts';
import type { HttpStore } from './store-request.ts';
import { Tempo } from './tempo.ts';
import type { TraceStore } from './trace-store.ts';

/** Which store an address belongs to, by the end of its path. */
const BY_PATH: readonly (readonly [end: string, make: (store: HttpStore) => TraceStore])[] = [
  ['/api/v3/traces', (store) => new Jaeger(store)],
  ['/api/v2/traces', (store) => new Tempo(store)],
];

/**
 * The trace store at an address: `http://jaeger:16686/api/v3/traces`, `http://tempo:3200/api/v2/traces`,
 * `file:///var/log/spans.jsonl`, or that of the collector of `throughline dev`.
 */
export function openStore(store: HttpStore): TraceStore {
  if (store.url.startsWith('file:')) return new OtlpFile(store.url);
  const make = BY_PATH.find(([end]) => store.url.endsWith(end))?.[1];
  return make?.(store) ?? new DevCollector(store);
}

/** The trace store of the settings. @throws CliError `usage-invalid` if they name none */
export function storeOf({ tracesUrl, tracesHeaders }: CliConfig): TraceStore {
  if (tracesUrl !== undefined) return openStore({ url: tracesUrl, headers: tracesHeaders });
  throw new CliError('usage-invalid', 'where are the traces? Use --traces-url or THROUGHLINE_TRACES_URL');
}
