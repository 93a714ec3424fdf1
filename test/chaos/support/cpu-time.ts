import { readFile } from 'node:fs/promises';

/** Linux counts processor time in ticks of this length, on every architecture that Node supports. */
const TICK_MS = 10;

/** The processor time that a process has used so far, in milliseconds. */
export async function cpuTimeMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name is in brackets and may contain blanks; after it, utime and stime are the 12th and 13th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
