/** What a user of NATS must be allowed, and what NATS says about what it is allowed. */
import { filtersOverlap } from '../../wire/subjects.ts';
import type { Finding, Level } from '../finding.ts';

/** The programs that each have a user of NATS of their own. */
export const ROLES = ['worker', 'edge', 'setup'] as const;
export type Role = (typeof ROLES)[number];

export type Action = 'publish' | 'subscribe';

/** A line of `deploy/nats/permissions.conf`. */
export interface Permission {
  readonly action: Action;
  readonly subject: string;
  /** What does not work without it. */
  readonly without: string;
  readonly level: Level;
}

/** The subject on which a user asks NATS what it is allowed. */
export const USER_INFO = '$SYS.REQ.USER.INFO';

/** What does not work without the permission to publish where nats-server publishes its traces. */
export const LOST_TO_TRACING = 'with message tracing on, NATS drops each message whose trace is sampled';

interface Subjects {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** The answer on {@link USER_INFO}. Without `permissions` the user is allowed everything. */
export interface UserInfo {
  readonly data?: {
    readonly user?: string;
    readonly permissions?: { readonly publish?: Subjects; readonly subscribe?: Subjects };
  };
}

/** A table of permissions. @param rows what does not work, and the subjects that are needed for it */
export function permissions(
  action: Action,
  rows: readonly (readonly [level: Level, without: string, ...subjects: string[]])[],
): Permission[] {
  return rows.flatMap(([level, without, ...subjects]) =>
    subjects.map((subject) => ({ action, subject, without, level })),
  );
}

/** The permissions that a user lacks for certain. A permission that it has for some of the subjects is not among them. */
export function missingPermissions(needed: readonly Permission[], { data }: UserInfo): Permission[] {
  return needed.filter(({ action, subject }) => {
    const { allow, deny = [] } = data?.permissions?.[action] ?? {};
    const isAllowed = allow === undefined || allow.some((filter) => filtersOverlap(filter, subject));
    return !isAllowed || deny.some((filter) => covers(filter, subject));
  });
}

/** Whether a user has a permission for certain, for all subjects. */
export function isGranted({ action, subject }: Permission, { data }: UserInfo): boolean {
  const { allow, deny = [] } = data?.permissions?.[action] ?? {};
  const isAllowed = allow === undefined || allow.some((filter) => covers(filter, subject));
  return isAllowed && !deny.some((filter) => filtersOverlap(filter, subject));
}

/** The permission that a refused request needed; undefined if it is none of ours. */
export function permissionFor(
  needed: readonly Permission[],
  action: Action,
  subject: string,
): Permission | undefined {
  return needed.find((permission) => permission.action === action && covers(permission.subject, subject));
}

/** Says which permission is missing, and what does not work. */
export function missingText({ action, subject, without }: Permission): string {
  return `NATS does not let this user ${action === 'publish' ? 'publish on' : 'subscribe to'} ${subject}: ${without}`;
}

/** A missing permission as `throughline setup` shows it. */
export function missingFinding(user: string, { action, subject, without, level }: Permission): Finding {
  const [of, setting] = [`user ${user}`, `permission to ${action} ${subject}`];
  return { of, setting, actual: 'missing', wanted: 'there', why: without, level, fix: 'server' };
}

/** Whether a filter matches all that another one matches. */
function covers(filter: string, other: string): boolean {
  const [wide, narrow] = [filter.split('.'), other.split('.')];
  for (const [place, token] of wide.entries()) {
    if (token === '>') return narrow.length > place;
    const against = narrow[place];
    if (against === undefined || against === '>') return false;
    if (token !== '*' && token !== against) return false;
  }
  return wide.length === narrow.length;
}
