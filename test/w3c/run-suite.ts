import path from 'node:path';
import * as z from 'zod';
import { runCommand } from '../../dev/machine/command.ts';
import { installOnce, toolEnvironment } from '../generators/toolbox.ts';

const RUN_MS = 240_000;

const Report = z.object({
  ran: z.int(),
  skipped: z.array(z.string()),
  /** What Python says about each case that failed, by the name of the case. */
  faults: z.record(z.string(), z.string()),
});
export type Report = z.infer<typeof Report>;

/**
 * Runs the W3C's suite against a service, at Level 2 of the specification, with its strict cases.
 * @param port a free port of 127.0.0.1, which the service will call
 */
export async function runSuite(folder: string, endpoint: string, port: number): Promise<Report> {
  const environment = toolEnvironment();
  const commands =
    'python3 -m venv venv\nvenv/bin/python -m pip install --quiet --requirement requirements.txt';
  const installed = await installOnce(path.join(import.meta.dirname, 'w3c-suite'), commands, environment);
  const program = path.join(import.meta.dirname, 'run_suite.py');
  const output = await runCommand(
    path.join(installed, 'venv/bin/python'),
    ['-B', program, folder, endpoint, String(port)],
    { environment, timeoutMs: RUN_MS },
  );
  return Report.parse(JSON.parse(output.trim().split('\n').at(-1) ?? ''));
}
