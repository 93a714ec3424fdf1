/** What an address of a trace store may be, for the help of the options. */
export const TRACES_URL_HELP =
  'address of the trace store: `http://jaeger:16686/api/v3/traces`, `http://tempo:3200/api/v2/traces`, `file:///…` with OTLP in JSON, or that of `throughline dev` (THROUGHLINE_TRACES_URL)';
