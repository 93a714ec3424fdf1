import { expect, it } from 'vitest';
import { readAttributes } from '../../../../../shared/trace/otlp/value.ts';

it.each([0, 3, 1_000_000])('%d bytes in an attribute become base64', (size) => {
  const bytesValue = new Uint8Array(size).fill(255);
  expect(readAttributes([{ key: 'it', value: { bytesValue } }])).toEqual({
    it: Buffer.from(bytesValue).toString('base64'),
  });
});
