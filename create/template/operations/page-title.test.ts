import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runOperation } from 'throughline/testing';
import { pageTitle } from './page-title.ts';

test('gives the title of a page', async (t) => {
  const url = await serve(t, (_request, response) => response.end('<title> Hello </title>'));
  const run = await runOperation(pageTitle, { url });
  assert.deepEqual(run.result, { title: 'Hello', bytes: 22 });
});

test('tries again while the page is busy', async (t) => {
  let calls = 0;
  const url = await serve(t, (_request, response) => {
    calls++;
    response.writeHead(calls < 3 ? 503 : 200).end('<title>ready</title>');
  });
  const run = await runOperation(pageTitle, { url });
  assert.equal(run.state, 'succeeded');
  assert.equal(run.attempts.length, 3);
});

test('fails at once for a page that is not there', async (t) => {
  const url = await serve(t, (_request, response) => response.writeHead(404).end());
  const run = await runOperation(pageTitle, { url });
  assert.equal(run.state, 'failed');
  assert.equal(run.error?.message, 'the page answered 404');
});

/** Starts a server for a test. @returns its URL */
async function serve(t: { after: (fn: () => void) => void }, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
