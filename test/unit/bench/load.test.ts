import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { autocannon, readAutocannon } from '../../../bench/load/autocannon.ts';
import { readWrk, wrkSender } from '../../../bench/load/wrk.ts';
import { atEndOfFile, scratchFolder } from '../../support/cleanup.ts';

const WRK = `Running 2s test @ http://127.0.0.1:8787/v1/jobs
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     9.70ms    3.05ms  38.53ms   83.71%
    Req/Sec     3.33k   317.25     3.83k    75.00%
  6632 requests in 2.00s, 1.63MB read
Requests/sec:   3313.93
Transfer/sec:    832.71KB
`;
const FAILED = `  Socket errors: connect 0, read 1, write 0, timeout 4
  Non-2xx or 3xx responses: 12
`;

describe('what wrk writes', () => {
  it('has the requests and the time', () => {
    expect(readWrk(WRK)).toEqual({ requests: 6_632, failed: 0, seconds: 2 });
  });

  it('counts refused requests and those without an answer, and counts a late answer once', () => {
    expect(readWrk(WRK.replace('Requests/sec', `${FAILED}Requests/sec`))).toEqual({
      requests: 6_633,
      failed: 13,
      seconds: 2,
    });
  });

  it('without figures is an error with its text', () => {
    expect(() => readWrk('unable to connect')).toThrow('wrk said: unable to connect');
  });
});

describe('a sender', () => {
  const load = { url: 'http://127.0.0.1:1/', headers: {}, body: '{}', connections: 1, seconds: 1 };

  it('whose program dies gives an error, and no endless wait', async () => {
    const wrk = path.join(await scratchFolder(), 'wrk');
    await writeFile(wrk, '#!/bin/sh\nkill -KILL $$\n');
    await chmod(wrk, 0o755);
    await expect(wrkSender({ path: wrk, version: '1' }).send(load)).rejects.toThrow('Command failed');
  });

  it('without wrk is autocannon: it sends the whole body, and counts what was refused', async () => {
    const bodies = new Set<number>();
    let answers = 0;
    const server = createServer((request, response) => {
      let length = 0;
      request.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      request.on('end', () => {
        bodies.add(length);
        response.writeHead(++answers % 2 === 0 ? 429 : 202).end(request.headers.authorization);
      });
    });
    atEndOfFile(() => server.close());
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { name, send } = autocannon();
    expect(name).toMatch(/^autocannon \d+\.\d+\.\d+$/);
    const { port } = server.address() as AddressInfo;
    const { requests, failed } = await send({
      ...load,
      url: `http://127.0.0.1:${port}/`,
      connections: 4,
      headers: { authorization: 'Bearer a=b' },
      body: 'x'.repeat(200_000),
    });
    expect(bodies).toEqual(new Set([200_000]));
    expect(requests).toBeGreaterThan(failed);
    expect(failed).toBeGreaterThan(0);
  });

  it('that can count ends when it has sent enough, before its time is over', async () => {
    let answers = 0;
    const server = createServer((_, response) => response.writeHead(202).end(String(++answers)));
    atEndOfFile(() => server.close());
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/`;
    const sent = await autocannon().send({ ...load, url, connections: 2, seconds: 600, enough: 6 });
    expect(sent).toMatchObject({ requests: 6, failed: 0 });
    expect(answers).toBe(6);
  });

  it('reads the figures of autocannon, and says what it wrote if it has none', () => {
    expect(readAutocannon('{"2xx":5,"non2xx":2,"errors":1,"duration":2.1}\n')).toEqual({
      requests: 8,
      failed: 3,
      seconds: 2.1,
    });
    expect(() => readAutocannon('no')).toThrow('autocannon said: no');
  });
});
