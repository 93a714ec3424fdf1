import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOperation } from 'throughline/testing';
import { greet } from './operations/greet.ts';

test('greets', async () => {
  const { result } = await runOperation(greet, { name: 'Ada' });
  assert.deepEqual(result, { greeting: 'hello Ada' });
});
