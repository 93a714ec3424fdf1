const PERIOD_MS = 10_000;

/** A warning about something that is tried again and again. The log has it once in a period, and when its reason is another one. */
export class RepeatedWarning {
  #reason = '';
  #until = 0;

  /** @param isFirst whether the last try went well */
  isDue(reason: string, isFirst: boolean): boolean {
    if (!isFirst && reason === this.#reason && Date.now() < this.#until) return false;
    this.#reason = reason;
    this.#until = Date.now() + PERIOD_MS;
    return true;
  }
}
