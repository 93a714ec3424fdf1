import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ScheduleBody } from '../../../shared/api/schedule.ts';
import { ERROR_CODES } from '../../../shared/errors.ts';
import { Job } from '../../../shared/job/job.ts';
import { blocksOf } from '../../support/docs/pages.ts';
import { TESTED_SERVERS } from '../../support/nats/servers.ts';

const ROOT = new URL('../../../', import.meta.url);

it('docs/HTTP-API.md names every error code', () => {
  const page = readFileSync(new URL('docs/HTTP-API.md', ROOT), 'utf8');
  expect(ERROR_CODES.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

it('docs/HTTP-API.md shows a job and a schedule as the API has them', () => {
  const [job, schedule, ...others] = blocksOf('docs/HTTP-API.md')
    .filter(({ language }) => language === 'json')
    .map(({ text }): unknown => JSON.parse(text));
  // Parsing leaves out what a job does not have.
  expect(Job.parse(job)).toEqual(job);
  expect(ScheduleBody.parse(schedule)).toMatchObject(schedule as object);
  expect(others).toEqual([]);
});

it('deploy/README.md names every version of nats-server that is tested', () => {
  const table = readFileSync(new URL('deploy/README.md', ROOT), 'utf8');
  const named = [...table.matchAll(/^\| (\S+) \| .*`npm run test:nats`/gm)].map(([, version]) => version);
  expect(named.toSorted()).toEqual([...new Set(TESTED_SERVERS.map(({ version }) => version))].toSorted());
});
