import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { createRegistry } from '../../../../worker-node/operations/operation-registry.ts';
import { refusalOf } from '../../support.ts';

const operation = (name: string) => defineOperation({ name, input: z.unknown(), run: () => null });

describe('a registry', () => {
  it('knows operations by name', () => {
    const echo = operation('echo');
    const add = operation('math.add');
    expect([...createRegistry([echo], [{ operation: add, file: 'add.ts' }])]).toEqual([
      ['echo', echo],
      ['math.add', add],
    ]);
  });

  it('refuses two operations of the same name, and says where both are', async () => {
    const same = [
      { operation: operation('a'), file: 'one.ts' },
      { operation: operation('a'), file: 'two.ts' },
    ];
    const error = await refusalOf(() => createRegistry([], same));
    expect(error).toMatchObject({ code: 'config-invalid' });
    expect(error.message).toContain('two operations are called a (one.ts, two.ts)');
  });

  it('takes an operation once if a file exports again what another one exports', () => {
    const add = operation('math.add');
    const loaded = ['add.ts', 'index.ts'].map((file) => ({ operation: add, file }));
    expect([...createRegistry([], loaded).keys()]).toEqual(['math.add']);
  });

  it('refuses an operation with the name of a built-in one', async () => {
    const own = [{ operation: operation('echo'), file: 'echo.ts' }];
    expect((await refusalOf(() => createRegistry([operation('echo')], own))).message).toContain(
      'two operations are called echo (built in, echo.ts)',
    );
  });
});
