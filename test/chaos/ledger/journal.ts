import { type FileHandle, open, readFile } from 'node:fs/promises';

/** A file of JSON lines that only grows. A line is on the disk once `append` resolves. */
export class Journal<Entry> {
  readonly #file: FileHandle;
  #waiting: { readonly text: string; readonly done: PromiseWithResolvers<void> }[] = [];
  #writing: Promise<void> | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open<Entry>(path: string): Promise<Journal<Entry>> {
    return new Journal<Entry>(await open(path, 'a'));
  }

  /** Lines that come while others are being written share one sync. */
  append(...entries: Entry[]): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ text: entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), done });
    this.#writing ??= this.#write();
    return done.promise;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.appendFile(batch.map(({ text }) => text).join(''));
        await this.#file.datasync();
        for (const { done } of batch) done.resolve();
      } catch (thrown) {
        for (const { done } of batch) done.reject(thrown);
      }
    }
    this.#writing = undefined;
  }
}

/** Every whole line of a journal, without a last line that was cut off. */
export async function readJournal<Entry>(path: string): Promise<Entry[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n');
  lines.pop();
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      return [];
    }
  });
}
