import { LIMITS } from '../../shared/job/limits.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { CliError } from '../cli-error.ts';
import { type InputSource, parseInput, readInputText } from './job-input.ts';

/** The largest file of jobs. The whole file is held in memory. */
const MAX_BYTES = 256 * 1024 * 1024;
/** The most bytes of jobs in one request. The API's limit leaves room for the JSON around them. */
const MAX_CHUNK_BYTES = LIMITS.batchInputs * LIMITS.inputBytes;

/**
 * Reads the jobs of a file: a JSON list, or JSON lines with one job in each line. Empty lines are skipped.
 * @param argument a path, or `-` for standard input
 * @throws CliError `usage-invalid` with the place that cannot be read
 */
export async function readBatch(argument: string, source: InputSource): Promise<unknown[]> {
  const { text, what } = await readInputText(argument === '-' ? '-' : `@${argument}`, source, MAX_BYTES);
  const jobs = text.trimStart().startsWith('[') ? parseInput(text, what) : parseLines(text, what);
  if (Array.isArray(jobs) && jobs.length > 0) return jobs;
  throw new CliError('usage-invalid', `${what} holds no jobs`);
}

function parseLines(text: string, what: string): unknown[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    return line.trim() === '' ? [] : [parseLine(line, index, what)];
  });
}

function parseLine(line: string, index: number, what: string): unknown {
  try {
    return parseInput(line, `line ${index + 1} of ${what}`);
  } catch (thrown) {
    // What is no JSON is said to be at a line and a column: with the lines before it, at those of the file.
    if (parseJson(line) === undefined) parseInput('\n'.repeat(index) + line, what);
    throw thrown;
  }
}

/** A part of the jobs of a batch, in their order. */
interface BatchChunk {
  /** The place of its first job in the batch, from 0. */
  readonly offset: number;
  readonly jobs: readonly unknown[];
}

/** Cuts jobs into chunks that one request may hold, by their number and by their bytes. */
export function* chunksOf(jobs: readonly unknown[]): Generator<BatchChunk> {
  let offset = 0;
  let bytes = 0;
  for (const [index, job] of jobs.entries()) {
    const size = Buffer.byteLength(JSON.stringify(job));
    const isFull = index - offset === LIMITS.batchJobs || bytes + size > MAX_CHUNK_BYTES;
    if (isFull && index > offset) {
      yield { offset, jobs: jobs.slice(offset, index) };
      offset = index;
      bytes = 0;
    }
    bytes += size;
  }
  yield { offset, jobs: jobs.slice(offset) };
}
