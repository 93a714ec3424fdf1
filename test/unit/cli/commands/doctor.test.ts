import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../../../cli/operate/diagnosis.ts';
import { callHere } from '../../../support/cli/in-process.ts';
import { answer, nowhere, serve } from '../../../support/cli/servers.ts';

/** What doctor finds with these variables, besides what is wrong with an edge that answers 404 to everything. */
async function findings(environment: Record<string, string>): Promise<Diagnosis['causes']> {
  const api = await serve(() => answer(404, {}));
  const { stdout } = await callHere(api, ['doctor', '--json'], { environment });
  const { causes }: Diagnosis = JSON.parse(stdout);
  return causes;
}

describe('a setting of this environment that is not valid', () => {
  it.each([
    ['NATS_URL', 'canary://x', 'NATS_URL: must be '],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'canary:4318',
      'OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL that starts with http:// or https://',
    ],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'canary', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be a URL'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'canary', 'OTEL_EXPORTER_OTLP_HEADERS: member 1 is not a name=value'],
  ])('is found, and the sentence of its schema says why: %s', async (name, value, sentence) => {
    const causes = await findings({ [name]: value });
    const invalid = causes.filter(({ code }) => code === 'setting-invalid');
    expect(invalid).toEqual([expect.objectContaining({ evidence: [expect.stringContaining(sentence)] })]);
    expect(JSON.stringify(causes)).not.toContain('canary');
    expect(causes.map(({ code }) => code)).not.toContain('nats-unreachable');
    expect(causes.map(({ code }) => code)).not.toContain('collector-dead');
  });
});

describe('the collector of this environment', () => {
  it('is asked as the command line would send its spans: with the path, the headers and the login', async () => {
    const collector = await serve(() => answer(200, {}));
    const url = collector.url.replace('http://', 'http://ada:pw@');
    const headers = 'x-team=jobs';
    await findings({ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`, OTEL_EXPORTER_OTLP_HEADERS: headers });
    expect(collector.seen).toEqual([
      expect.objectContaining({
        path: '/v1/traces',
        headers: expect.objectContaining({ 'x-team': 'jobs', authorization: `Basic ${btoa('ada:pw')}` }),
      }),
    ]);
  });

  it('is dead even if it refuses the headers', async () => {
    const collector = await serve(() => answer(401, {}));
    const causes = await findings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/in` });
    const dead = causes.find(({ code }) => code === 'collector-dead');
    expect(dead?.evidence).toEqual([`${collector.url}/in answered with HTTP status 401`]);
  });

  it('is named without the query of its address, which may hold a token, whether it answers or not', async () => {
    const collector = await serve(() => answer(401, {}));
    for (const url of [collector.url, await nowhere()]) {
      const causes = await findings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/in?token=canary` });
      const dead = causes.find(({ code }) => code === 'collector-dead');
      expect(dead?.evidence).toEqual([expect.stringContaining(`${url}/in`)]);
      expect(JSON.stringify(causes)).not.toContain('canary');
    }
    expect(collector.seen[0]?.path).toBe('/in?token=canary');
  });

  it('is not asked while spans are not exported', async () => {
    const collector = await serve(() => answer(500, {}));
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    await findings({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' });
    await findings({ ...endpoint, OTEL_SDK_DISABLED: 'true' });
    expect(collector.seen).toEqual([]);
  });
});
