/** The commands that the edge sends to the schedules of a tenant. All of them are plain data, as in commands.ts. */
import type { Schedule } from '../../shared/api/answers/schedule.ts';
import type { ScheduleRequest } from '../../shared/api/schedule.ts';
import type { JobSpec } from '../../shared/job/job-spec.ts';
import type { InputCheck, LimitedCommand, TenantCommand } from './commands.ts';

/** Names a schedule of a tenant. */
export interface ScheduleCommand extends TenantCommand {
  readonly name: string;
}

/** Makes a schedule, or changes it. Its carrier names the request that each run is linked to. */
export interface PutScheduleCommand extends ScheduleCommand, LimitedCommand {
  /** The body of the request, checked, without `paused`. */
  readonly request: ScheduleRequest;
  /** Undefined: as before; a new schedule is not paused. */
  readonly paused: boolean | undefined;
  /** What the job of each run is asked to be. */
  readonly spec: JobSpec;
  /** SHA-256 of the request. A request with the same digest changes nothing. */
  readonly digest: string;
  /** What the check of the input found; undefined if its operation has no rules. */
  readonly inputCheck: InputCheck | undefined;
}

export interface PauseScheduleCommand extends ScheduleCommand {
  readonly paused: boolean;
}

export interface TriggerScheduleCommand extends ScheduleCommand, LimitedCommand {
  /** Requests with the same key make one job. */
  readonly key: string;
  /** Whether the key was made for this request, so that no job can have it. An object of an earlier version does not read this. */
  readonly isNewKey: boolean;
}

/** Says which page of a tenant's schedules to return. */
export interface ListSchedulesCommand extends TenantCommand {
  readonly limit: number;
  /** Only schedules with names after this one; undefined asks for the first page. */
  readonly after: string | undefined;
}

/** A schedule after a PUT, and whether it is new. */
export interface PutSchedule {
  readonly schedule: Schedule;
  readonly created: boolean;
}
