import { expect, it } from 'vitest';
import { isProbe } from '../../../../edge/http/routes/health.ts';

it.each([
  ['https://api.example/healthz', true],
  ['http://127.0.0.1:8787/readyz', true],
  ['http://[::1]:8787/metrics', true],
  ['https://api.example/metrics?name=x', true],
  ['https://api.example/healthz#x', true],
  ['https://api.example/healthz/', false],
  ['https://api.example/v1/healthz', false],
  ['https://api.example/v1/jobs?next=/healthz', false],
  ['https://api.example/healthzz', false],
  ['https://metrics/v1/jobs', false],
  ['https://api.example/', false],
])('%s is a probe: %s', (url, expected) => {
  expect(isProbe(new Request(url))).toBe(expected);
});
