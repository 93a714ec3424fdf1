import { type Command, Option } from 'commander';
import { LIMITS } from '../shared/job/limits.ts';
import { PRIORITIES, type Priority } from '../shared/job/priority.ts';
import { attemptTimeout, callbackUrl, commonKey, jobTags, wholeNumber } from './arguments.ts';
import { CliError } from './cli-error.ts';

/** What the options say that jobs and the jobs of schedules have in common. */
export interface JobFlags {
  readonly callback?: string;
  readonly timeout?: string;
  readonly maxAttempts?: number;
  readonly priority?: Priority;
  readonly orderingKey?: string;
  readonly tag?: string[];
}

/** Adds the options that jobs and the jobs of schedules have in common. @returns the command */
export function addJobOptions(command: Command): Command {
  return command
    .option('--callback <url>', 'where the worker sends a signed POST when a job has ended', callbackUrl)
    .option('--timeout <duration>', 'how long one attempt may take, such as 30s', attemptTimeout)
    .option('--max-attempts <n>', 'the most attempts', wholeNumber(1, LIMITS.maxAttempts))
    .addOption(new Option('--priority <priority>', 'how urgent a job is').choices(PRIORITIES))
    .option('--ordering-key <key>', 'jobs with the same key run one after the other', commonKey)
    .option('--tag <tag>', 'a text by which you find a job again; repeatable', jobTags);
}

/** @throws CliError `usage-invalid` for options that do not go together */
export function checkJobFlags({ priority, orderingKey }: JobFlags): void {
  if (priority !== undefined && orderingKey !== undefined)
    throw new CliError('usage-invalid', 'leave out --priority: a job with --ordering-key cannot have one');
}

/** The fields of a job that the options set; undefined where an option is absent. */
export function jobFieldsOf({ callback, timeout, maxAttempts, priority, orderingKey, tag }: JobFlags) {
  return {
    timeout,
    maxAttempts,
    priority,
    orderingKey,
    tags: tag,
    callback: callback === undefined ? undefined : { url: callback },
  };
}
