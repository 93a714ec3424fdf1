/**
 * `node bench/validation.ts`: how long the edge's check takes for the hostile families of the tests and for usual inputs.
 * The last column should be about the same everywhere: a step is the measure of the budgets.
 */
import * as z from 'zod';
import { compileSchema } from '../edge/validation/compile.ts';
import { Run } from '../edge/validation/run.ts';
import { StepBudget } from '../edge/validation/step-budget.ts';
import { HOSTILE_FAMILIES, type HostileFamily } from '../test/support/hostile-schemas.ts';
import { inputCheckOf } from '../worker-node/operations/input-check/input-check.ts';

const ROUNDS = 5;

const Order = z.object({
  id: z.uuid(),
  email: z.email(),
  createdAt: z.iso.datetime(),
  lines: z.array(
    z.object({ sku: z.string().regex(/^[A-Z0-9-]{4,20}$/), count: z.int().min(1), price: z.number() }),
  ),
});
const USUAL: readonly HostileFamily[] = [
  {
    name: 'orders of 10 lines',
    schema: inputCheckOf(z.array(Order)).schema as Record<string, unknown>,
    input: (size) =>
      Array.from({ length: size * 3 }, () => ({
        id: '123e4567-e89b-12d3-a456-426614174000',
        email: 'somebody@example.com',
        createdAt: '2026-01-02T03:04:05Z',
        lines: Array.from({ length: 10 }, () => ({ sku: 'ABC-1234', count: 2, price: 9.99 })),
      })),
  },
  {
    name: 'a list of numbers',
    schema: { type: 'array', items: { type: 'number' } },
    input: (size) => Array.from({ length: size * 1_000 }, (_, index) => index),
  },
  {
    name: 'one long text',
    schema: { type: 'string', maxLength: 1_000_000 },
    input: (size) => 'x'.repeat(size * 2_000),
  },
];

process.stdout.write('size     bytes        steps       ms   ns/step  family\n');
for (const { name, schema, input } of [...USUAL, ...HOSTILE_FAMILIES]) {
  const node = compileSchema(schema);
  for (const size of [1, 10, 100]) {
    const value = input(size);
    const bytes = JSON.stringify(value).length;
    let best = Number.POSITIVE_INFINITY;
    let steps = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const budget = new StepBudget(Number.POSITIVE_INFINITY);
      const start = performance.now();
      node.judge(value, new Run(budget));
      best = Math.min(best, performance.now() - start);
      steps = budget.spent;
    }
    const columns = [size, bytes, Math.round(steps), best.toFixed(2), Math.round((best * 1e6) / steps)];
    const widths = [4, 10, 12, 9, 9];
    process.stdout.write(
      `${columns.map((column, i) => String(column).padStart(widths[i] ?? 0)).join('')}  ${name}\n`,
    );
  }
}
