import { diag } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { followExports, followStart } from '../../../../../worker-node/telemetry/export/sdk-log.ts';

it.each([
  ['Failed to read root certificate file', 'OTEL_EXPORTER_OTLP_CERTIFICATE'],
  ['Failed to read client certificate chain file', 'OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE'],
  ['Failed to read client certificate private key file', 'OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY'],
])('the warning "%s" of the library names its setting', (message, name) => {
  const warnings: string[] = [];
  followStart(undefined, { [name]: '/no/such/file' }, (sentence) => void warnings.push(sentence));
  diag.warn(message);
  followExports(undefined);
  expect(warnings).toEqual([`${name}: the file cannot be read, so it is not used`]);
});
