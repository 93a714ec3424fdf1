/** Sends a line of the log. It may throw. */
export type SendLine = (line: string) => void;

/**
 * The lines of the log on their way to the collector. They come from the first moment of the process on, and wait until it is known
 * whether and how they are sent.
 */
export class ExportedLines {
  #early: string[] | undefined = [];
  #send: SendLine | undefined;
  #isQuiet = false;

  /** Takes a line that the log writes, in the context of the code that wrote it. */
  readonly add = (line: string): void => {
    if (this.#isQuiet) return;
    if (this.#early === undefined) this.#send?.(line);
    else this.#early.push(line);
  };

  /** Sends the lines from here on, and those that wait. @param send undefined: no line is sent */
  start(send: SendLine | undefined): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#send = send;
    for (const line of early) send?.(line);
  }

  /** The lines that `write` logs are not sent: they say that lines were lost, and would be lost themselves. */
  without(write: () => void): void {
    this.#isQuiet = true;
    try {
      write();
    } finally {
      this.#isQuiet = false;
    }
  }
}
