const MARK = '-r';
const REJECTED_ID = /^(.+)-r[0-9]+$/;

/** Makes the id of a job that NATS rejected: `<jobId>-r<position>`. An id of this kind stays as it is. */
export function rejectedId(id: string, position: number): string {
  const mark = MARK + position;
  return id.endsWith(mark) ? id : id + mark;
}

/** The two texts between which every {@link rejectedId} of a job sorts. */
export function rejectedIdRange(jobId: string): readonly [after: string, before: string] {
  return [jobId + MARK, `${jobId}${MARK}~`];
}

/** The job's id in a {@link rejectedId}; any other text is returned as it is. It leads to the bridge that has the job. */
export function jobIdOfRejected(id: string): string {
  return REJECTED_ID.exec(id)?.[1] ?? id;
}
