import { Bridge as ThisBridge } from '../../../edge/edge.ts';

export { JobIndex, Schedules } from '../../../edge/edge.ts';
export { default } from '../../../edge/main.ts';

const { submitJob, submitJobs } = ThisBridge.prototype;

/** A bridge of an earlier version, which takes the inputs of jobs as values only. */
export class Bridge extends ThisBridge {
  override submit(...[command]: Parameters<ThisBridge['submit']>) {
    return submitJob.call(this, { ...command, inputJson: JSON.stringify(command.input) });
  }

  override submitBatch(...[commands, carrier]: Parameters<ThisBridge['submitBatch']>) {
    const all = commands.map((command) => ({ ...command, inputJson: JSON.stringify(command.input) }));
    return submitJobs.call(this, all, carrier);
  }
}

for (const name of ['submitJob', 'submitJobs'] as const) Reflect.deleteProperty(ThisBridge.prototype, name);
