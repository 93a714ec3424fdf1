/** The suite as a program of Deno. It prints the faults, and the table's outputs, as JSON. */
import { stdout } from 'node:process';
import { cases, results } from './suite.ts';

const faults: string[] = [];
for (const { name, run } of cases) {
  try {
    await run();
  } catch (thrown) {
    faults.push(`${name}: ${thrown}`);
  }
}
stdout.write(JSON.stringify({ ran: cases.length, faults, results: results() }));
