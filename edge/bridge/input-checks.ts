import type { UncheckedInputs } from '../../shared/api/answers/health.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { sha256Hex } from '../../shared/text/secret.ts';
import type { InputCheck, InputRules, Untaken } from '../calls/commands.ts';

/**
 * Makes sure that each input was checked by the rules that hold now. The Worker that calls the bridge makes the check, in an
 * isolate of its own: a bridge works for all tenants, and a long check would hold them all up.
 */
export class InputChecks {
  readonly #digests = new WeakMap<OperationAnnouncement, string | Promise<string>>();
  #unchecked: UncheckedInputs = { overBudget: 0, failed: 0, rulesChanged: 0 };

  /** The inputs that were taken without a verdict. */
  get unchecked(): UncheckedInputs {
    return this.#unchecked;
  }

  /** The answer to a submission whose job may not be taken, by what its check found; undefined if the job may be taken. */
  answer(
    check: InputCheck | undefined,
    announcement: OperationAnnouncement,
  ): Untaken | undefined | Promise<Untaken | undefined> {
    const { inputCheck: schema = true } = announcement;
    if (schema === true) return undefined;
    const digest = this.#digestOf(announcement);
    return typeof digest === 'string'
      ? this.#answer(check, digest, schema)
      : digest.then((known) => this.#answer(check, known, schema));
  }

  #answer(check: InputCheck | undefined, digest: string, schema: InputRules['schema']): Untaken | undefined {
    const isCurrent = check?.digest === digest || check?.outcome === 'rulesChanged';
    if (check === undefined || !isCurrent) return { outcome: 'rules-needed', rules: { digest, schema } };
    if (check.outcome === 'refused') return { outcome: 'refused' };
    if (check.outcome !== 'passed') this.#count(check.outcome);
    return undefined;
  }

  #digestOf(announcement: OperationAnnouncement): string | Promise<string> {
    const known = this.#digests.get(announcement);
    if (known !== undefined) return known;
    const making = sha256Hex(JSON.stringify(announcement.inputCheck)).then((digest) => {
      this.#digests.set(announcement, digest);
      return digest;
    });
    this.#digests.set(announcement, making);
    return making;
  }

  #count(reason: keyof UncheckedInputs): void {
    this.#unchecked = { ...this.#unchecked, [reason]: this.#unchecked[reason] + 1 };
  }
}
