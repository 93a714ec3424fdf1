import { errors, type NatsConnection } from '@nats-io/transport-node';
import { ThroughlineError } from '../../../shared/errors.ts';
import { Denials } from '../../../shared/nats/permissions/denials.ts';
import { type Permission, USER_INFO, type UserInfo } from '../../../shared/nats/permissions/permission.ts';
import { startInterval, type Timer } from '../../../shared/timers.ts';
import type { WorkerLogger } from '../../log.ts';
import { statusesOf } from '../connection/statuses.ts';

interface PermissionWatchParts {
  readonly connection: Pick<NatsConnection, 'status' | 'request' | 'reconnect'>;
  /** How often NATS is asked, in milliseconds. */
  readonly everyMs: number;
  readonly needed: readonly Permission[];
  readonly log: Pick<WorkerLogger, 'warn' | 'error'>;
  /** Is called for each refusal. */
  readonly count: (action: string, subject: string) => void;
}

/**
 * Learns what NATS does not let this user do. It asks NATS again and again, since a reload of nats-server changes permissions
 * without a word. It also follows the refusals on the connection: a message without a reply subject, such as an ack, is refused
 * only there, and so is a subscription that is one too many.
 */
export class PermissionWatch {
  readonly #parts: PermissionWatchParts;
  readonly #denials: Denials;
  readonly #timer: Timer;

  private constructor(parts: PermissionWatchParts) {
    this.#parts = parts;
    this.#denials = new Denials(parts.needed, (reason, permission) => {
      if (permission === undefined) return parts.log.error({ reason }, 'subscription refused');
      const { action, subject, level } = permission;
      parts.count(action, subject);
      parts.log[level === 'breaks' ? 'error' : 'warn']({ action, subject, reason }, 'permission missing');
    });
    this.#timer = startInterval(parts.everyMs, () => void this.#ask());
  }

  /** Listens from the call on, and asks once. Never throws. */
  static async start(parts: PermissionWatchParts): Promise<PermissionWatch> {
    const watch = new PermissionWatch(parts);
    void watch.#follow();
    await watch.#ask();
    return watch;
  }

  /** Why the worker cannot do its work; undefined if it can, as far as that is known. */
  get problem(): string | undefined {
    return this.#denials.problems[0] ?? this.#denials.limit;
  }

  get warnings(): readonly string[] {
    return this.#denials.warnings;
  }

  /** What was thrown, or an error that names the missing permissions if there are such. */
  explain(thrown: unknown): unknown {
    const { problems, limit } = this.#denials;
    if (problems.length === 0 && limit !== undefined)
      return new ThroughlineError('config-invalid', limit, { cause: thrown });
    if (problems.length === 0) return thrown;
    const first = thrown instanceof ThroughlineError ? [thrown.message] : [];
    const message = [...first, ...problems, 'deploy/nats/permissions.conf lists what is needed'].join('; ');
    return new ThroughlineError('config-invalid', message, { cause: thrown });
  }

  stop(): void {
    this.#timer.stop();
  }

  async #follow(): Promise<void> {
    for await (const status of statusesOf(this.#parts.connection)) {
      if (status.type === 'reconnect') await this.#again();
      if (status.type === 'error') this.#denials.take(status.error);
    }
  }

  async #again(): Promise<void> {
    this.#denials.clear();
    await this.#ask();
  }

  async #ask(): Promise<void> {
    const user = await userInfo(this.#parts.connection).catch(() => undefined);
    if (user !== undefined && this.#denials.update(user))
      await this.#parts.connection.reconnect().catch(() => undefined);
  }
}

/** What NATS says about the user of a connection. @throws whatever the NATS client throws */
export async function userInfo(connection: Pick<NatsConnection, 'request'>): Promise<UserInfo> {
  return (await connection.request(USER_INFO)).json<UserInfo>();
}

/** The error of a program that may not ask or hear anything, in a sentence; anything else stays as it is. */
export function deniedError(thrown: unknown): unknown {
  const violation = violationIn(thrown);
  if (violation === undefined) return thrown;
  const what = violation.operation === 'publish' ? 'publish on' : 'subscribe to';
  const message = `NATS does not let this user ${what} ${violation.subject}; deploy/nats/permissions.conf lists what is needed`;
  return new ThroughlineError('config-invalid', message, { cause: thrown });
}

/** Whether the server does not let this user do something. */
export function isForbidden(thrown: unknown): boolean {
  return violationIn(thrown) !== undefined;
}

/** The refusal of the server in what was thrown. Looks into the causes too, since the client wraps the server's answer. */
export function violationIn(
  thrown: unknown,
): InstanceType<typeof errors.PermissionViolationError> | undefined {
  if (thrown instanceof errors.PermissionViolationError) return thrown;
  return thrown instanceof Error && thrown.cause !== undefined ? violationIn(thrown.cause) : undefined;
}
