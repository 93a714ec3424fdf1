/** What docs/SETTINGS.md says about the variables of the command line. */
import type { SettingGroup } from './setting.ts';

export const CLI_GROUPS: readonly SettingGroup[] = [
  {
    title: 'The API and the trace',
    texts: {
      THROUGHLINE_URL: 'the address of the API; also `--url`',
      THROUGHLINE_API_KEY: 'the API key or token; also `--api-key`',
      THROUGHLINE_TRACES_URL:
        'the address of the [trace store](VERIFY.md#trace-stores) that `throughline trace`, `doctor` and `verify` read; also `--traces-url`',
      THROUGHLINE_TRACES_HEADERS: {
        unset: 'none',
        meaning:
          'headers for the trace store, such as a key or the tenant: `x-scope-orgid=acme,authorization=Bearer%20…`. They are not sent to the store of a profile',
      },
      THROUGHLINE_LOGS_URL:
        'the address of a query that `throughline logs` sends, as of Loki’s `query_range`, with `{jobId}`, `{traceId}`, `{start}` and `{end}` (nanoseconds) in it; also `--logs-url`',
      THROUGHLINE_LOGS_HEADERS: {
        unset: 'none',
        meaning:
          'headers for the log store, such as `authorization=Basic%20…`. They are not sent to the store of a profile',
      },
      TRACEPARENT: 'a trace to continue, as CI systems set it',
      TRACESTATE: 'its `tracestate`',
      BAGGAGE: 'its `baggage`',
    },
  },
  {
    title: 'The terminal',
    texts: {
      NO_COLOR: 'any value: no colours (https://no-color.org)',
      VISUAL: 'the editor of `throughline dead-letters redrive --edit`, such as `code --wait`',
      EDITOR: 'the editor, if `VISUAL` is not set; without both it is `vi`',
      TERM: '`dumb`: no colours, and no line is written over',
    },
  },
];
