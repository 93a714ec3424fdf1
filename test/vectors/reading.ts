import { extract, fromNatsHeaders, inject } from '../../shared/propagation/index.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readJobMessage } from '../../shared/wire/job-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { jobSubject } from '../../shared/wire/subjects.ts';
import { ACCEPTED_AT, ADDRESS, type Headers, TRACEPARENT } from './facts.ts';

/** @returns messages as other programs write them; for each the context that a reader finds, and what it passes on */
export function reading() {
  const cases: { what: string; headers: Headers }[] = [
    { what: 'no headers at all', headers: [] },
    {
      what: 'names as Go writes them',
      headers: [
        ['Traceparent', TRACEPARENT],
        ['Ce-Time', ACCEPTED_AT],
      ],
    },
    { what: 'a time with an offset', headers: [['ce-time', '2026-01-02T05:04:05.678123+02:00']] },
    { what: 'a time without a zone: it is none', headers: [['ce-time', '2026-01-02T03:04:05.678']] },
    { what: 'garbage instead of a context', headers: [['traceparent', 'garbage']] },
    {
      what: 'two contexts',
      headers: [
        ['traceparent', TRACEPARENT],
        ['Traceparent', TRACEPARENT],
      ],
    },
    { what: 'a version from the future', headers: [['traceparent', TRACEPARENT.replace('00-', 'cc-')]] },
    {
      what: 'the context of a CloudEvent, as official SDKs write it',
      headers: [
        ['ce-traceparent', TRACEPARENT],
        ['ce-tracestate', 'vendor=1'],
        ['tracestate', 'other=1'],
      ],
    },
    {
      what: 'a context beside that of a CloudEvent: it wins',
      headers: [
        ['ce-traceparent', TRACEPARENT.replace(/^00-.{8}/, '00-ffffffff')],
        ['ce-tracestate', 'first=1'],
        ['traceparent', TRACEPARENT],
      ],
    },
    {
      what: 'a broken context beside that of a CloudEvent: it starts a new trace',
      headers: [
        ['traceparent', 'garbage'],
        ['ce-traceparent', TRACEPARENT],
      ],
    },
    {
      what: 'attributes of a CloudEvent that are percent-encoded',
      headers: [
        ['ce-time', '2026-01-02T03%3A04%3A05.678Z'],
        ['ce-traceparent', TRACEPARENT.replaceAll('-', '%2D')],
        ['ce-tracestate', 'vendor%3D100%25,other=a%2520b'],
      ],
    },
    {
      what: 'a percent sign of a writer that encodes nothing',
      headers: [
        ['ce-traceparent', TRACEPARENT],
        ['ce-tracestate', 'vendor=100%,other=a%20b'],
      ],
    },
    {
      what: 'an attribute that decodes to two lines',
      headers: [
        ['ce-traceparent', TRACEPARENT],
        ['ce-tracestate', 'vendor=a%0D%0Aother: b'],
      ],
    },
    {
      what: 'two contexts of CloudEvents',
      headers: [
        ['ce-traceparent', TRACEPARENT],
        ['Ce-Traceparent', TRACEPARENT],
      ],
    },
    {
      what: 'a tracestate without a context: only the baggage is read',
      headers: [
        ['tracestate', 'vendor=a'],
        ['baggage', 'user=ann'],
      ],
    },
    {
      what: 'a tracestate and a member of the baggage that are broken',
      headers: [
        ['traceparent', TRACEPARENT],
        ['tracestate', 'vendor=a,Other=b'],
        ['baggage', 'broken,user=ann'],
      ],
    },
    {
      what: 'members of the baggage with letters that they may not have',
      headers: [
        ['traceparent', TRACEPARENT],
        ['baggage', 'user=a"b,plan=a b,kind=a\\b,role=ann'],
      ],
    },
    {
      what: 'a tracestate with 33 members',
      headers: [
        ['traceparent', TRACEPARENT],
        ['tracestate', Array.from({ length: 33 }, (_, place) => `v${place}=a`).join()],
      ],
    },
    {
      what: 'a tracestate with an empty value',
      headers: [
        ['traceparent', TRACEPARENT],
        ['tracestate', 'vendor=,other=b'],
      ],
    },
    {
      what: 'more parts of a later version',
      headers: [['traceparent', `${TRACEPARENT.replace('00-', 'cc-')}-more`]],
    },
    { what: 'a dash at the end', headers: [['traceparent', `${TRACEPARENT}-`]] },
    { what: 'a day that is none: it is no time', headers: [['ce-time', '2026-02-30T03:04:05Z']] },
    {
      what: 'a time that is after the year 9999 in UTC',
      headers: [['ce-time', '9999-12-31T23:59:59-10:00']],
    },
    { what: 'flags from the future', headers: [['traceparent', TRACEPARENT.replace(/01$/, 'ff')]] },
  ];
  return cases.map(({ what, headers }) => {
    const values = (key: string) => headers.filter(([name]) => name === key).map(([, value]) => value);
    const messageHeaders = { keys: () => [...new Set(headers.map(([name]) => name))], values };
    const { outcome, reason, context } = extract(fromNatsHeaders(messageHeaders));
    const job = readJobMessage(jobSubject(ADDRESS), headerValues(messageHeaders), writeJson({ n: 1 }));
    return { what, headers, outcome, reason, acceptedAt: job.acceptedAt, passedOn: inject(context) };
  });
}
