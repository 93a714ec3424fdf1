import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOperationName, isToken, type JobAddress } from '../../../../shared/job/job-address.ts';
import { OWN_ROUTES, ROUTES } from '../../../../shared/wire/lanes.ts';
import {
  callbackEventSubject,
  callbackSubject,
  cancelSubject,
  deadLetterFilter,
  deadLettersFilter,
  deadSubject,
  delayedSubject,
  delayedSubjectFilter,
  dueSubject,
  eventSubject,
  filtersOverlap,
  jobSubject,
  jobSubjectFilter,
  operationsOfFilter,
  ownLaneFilter,
  parseCallbackSubject,
  parseCancelSubject,
  parseEventSubject,
  parseJobSubject,
  parseRoute,
  routeFilter,
  subjectMatches,
  tenantIn,
  tenantOfFilter,
} from '../../../../shared/wire/subjects.ts';
import { NOT_A_TOKEN, refusalOf } from '../../support.ts';

const good: JobAddress = { tenant: 'acme', jobId: '0198-a_B', operation: 'image.thumbnail' };

// The grammar written out once more, independently of the module.
const TOKEN = '[A-Za-z0-9_-]{1,64}';
const WORD = '[a-z][a-z0-9_-]*';
const SUBJECT = new RegExp(
  `^(?:jobs\\.normal\\.p[0-3]|dead)\\.${TOKEN}\\.${TOKEN}\\.${WORD}(?:\\.${WORD})*$`,
);

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '_', '.', '*', '>', ' ', '\r', '\n', '\0', '$') }),
  fc.constantFrom(...NOT_A_TOKEN.map(([, value]) => value)),
);
const token = fc.stringMatching(new RegExp(`^${TOKEN}$`));
const operation = fc
  .array(fc.stringMatching(/^[a-z][a-z0-9_-]{0,9}$/), { minLength: 1, maxLength: 11 })
  .map((words) => words.join('.'));
const address = fc.record({ tenant: token, jobId: token, operation });

describe('a subject', () => {
  it('holds tenant, job id and operation, the operation last', () => {
    expect(jobSubject(good)).toBe('jobs.normal.p3.acme.0198-a_B.image.thumbnail');
    expect(deadSubject(good)).toBe('dead.acme.0198-a_B.image.thumbnail');
    expect(eventSubject(good.tenant, good.jobId)).toBe('events.acme.0198-a_B');
    expect(jobSubjectFilter(good.tenant, good.jobId)).toBe('jobs.*.*.acme.0198-a_B.>');
    expect(callbackSubject(good.tenant, good.jobId)).toBe('callbacks.acme.0198-a_B');
    expect(callbackEventSubject(good.tenant, good.jobId)).toBe('events.acme.0198-a_B.callback');
  });

  it.each(NOT_A_TOKEN)('has no tenant and no job id with %s', async (_what, value) => {
    const attempts: [part: string, build: () => string][] = [
      ['tenant', () => jobSubject({ ...good, tenant: value })],
      ['job id', () => jobSubject({ ...good, jobId: value })],
      ['tenant', () => deadSubject({ ...good, tenant: value })],
      ['job id', () => deadSubject({ ...good, jobId: value })],
      ['tenant', () => eventSubject(value, good.jobId)],
      ['job id', () => eventSubject(good.tenant, value)],
      ['tenant', () => callbackSubject(value, good.jobId)],
      ['job id', () => callbackSubject(good.tenant, value)],
      ['tenant', () => callbackEventSubject(value, good.jobId)],
      ['job id', () => callbackEventSubject(good.tenant, value)],
      ['tenant', () => jobSubjectFilter(value, good.jobId)],
      ['job id', () => jobSubjectFilter(good.tenant, value)],
    ];
    for (const [part, build] of attempts) {
      const error = await refusalOf(build);
      expect(error.code).toBe('request-invalid');
      expect(error.message).toContain(`the ${part} `);
      expect(error.message).not.toMatch(/[\r\n\0]/);
      expect(error.message.length).toBeLessThan(300);
    }
  });

  it.each([
    ...NOT_A_TOKEN.filter(([what]) => !['a dot', 'one character too many'].includes(what)),
    ['a capital', 'Image'],
    ['a digit in front', '1st'],
    ['a dot in front', '.image'],
    ['a dot at the end', 'image.'],
    ['two dots in a row', 'image..thumbnail'],
    ['a wildcard word', 'image.*'],
    ['a full wildcard word', 'image.>'],
    ['a line feed after a good name', 'image.thumbnail\n'],
    ['129 characters', 'a'.repeat(129)],
  ] as const)('has no operation with %s', async (_what, value) => {
    for (const build of [jobSubject, deadSubject]) {
      const error = await refusalOf(() => build({ ...good, operation: value }));
      expect(error).toMatchObject({ code: 'request-invalid' });
      expect(error.message).toContain('the operation ');
      expect(error.message).not.toMatch(/[\r\n\0]/);
      expect(error.message.length).toBeLessThan(300);
    }
  });

  it('always follows its grammar, whatever the parts are', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (tenant, jobId, name) => {
        for (const build of [jobSubject, deadSubject]) {
          const subject = attempt(() => build({ tenant, jobId, operation: name }));
          if (subject !== undefined) expect(subject).toMatch(SUBJECT);
        }
        const events = attempt(() => eventSubject(tenant, jobId));
        if (events !== undefined) expect(events).toMatch(new RegExp(`^events\\.${TOKEN}\\.${TOKEN}$`));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('reading a subject', () => {
  it('of a callback gives the parts it was made from, and undefined for another one', () => {
    const { tenant, jobId } = good;
    expect(parseCallbackSubject(callbackSubject(tenant, jobId))).toEqual({ tenant, jobId });
    for (const other of ['callbacks.a', 'callbacks.a.b.c', 'cancel.a.b', 'callbacks.a.*', 'callbacks..b'])
      expect(parseCallbackSubject(other)).toBeUndefined();
  });

  it('gives the parts it was made from', () => {
    fc.assert(
      fc.property(address, fc.constantFrom(...ROUTES), (parts, route) => {
        expect(parseJobSubject(deadSubject(parts))).toEqual(parts);
        expect(parseRoute(deadSubject(parts))).toBeUndefined();
        for (const build of [jobSubject, delayedSubject, dueSubject]) {
          expect(parseJobSubject(build(parts, route))).toEqual(parts);
          expect(parseRoute(build(parts, route))).toEqual(route);
        }
      }),
    );
  });

  it('gives undefined for a subject that could not have been made, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.array(anyText).map((parts) => ['jobs', 'high', 'p1', ...parts].join('.')),
        ),
        (text) => {
          const parts = parseJobSubject(text);
          if (parts !== undefined)
            expect([jobSubject(parts, parseRoute(text)), deadSubject(parts)]).toContain(text);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each([
    'jobs',
    'jobs.acme.1.echo',
    'jobs.normal.p0.acme',
    'jobs.normal.p0.acme.1',
    'jobs.normal.p0.acme.1.',
    'jobs.urgent.p0.acme.1.echo',
    'jobs.normal.p4.acme.1.echo',
    'jobs.high.o0.acme.1.echo',
    'jobs.*.*.*.*.acme.1.echo',
    'events.acme.1',
    'done.normal.p0.acme.1.echo',
    'Jobs.normal.p0.acme.1.echo',
    'jobs.normal.p0..1.echo',
    'jobs.normal.p0.*.1.echo',
    'jobs.normal.p0.acme.1.>',
    'jobs.normal.p0.acme.1.Echo',
    ' jobs.normal.p0.acme.1.echo',
    'jobs.normal.p0.acme.1.echo ',
  ])('does not take %j for a job', (subject) => {
    expect(parseJobSubject(subject)).toBeUndefined();
  });
});

describe('a token and a name', () => {
  it.each([undefined, null, 7, true, ['acme'], { toString: () => 'acme' }])('is never %j', (value) => {
    expect(isToken(value)).toBe(false);
    expect(isOperationName(value)).toBe(false);
  });
});

describe('the filter of a worker group', () => {
  const route = { priority: 'high', lane: 'p1' } as const;

  it.each([
    ['>', 'jobs.high.p1.>'],
    ['echo', 'jobs.high.p1.*.*.echo'],
    ['image.thumbnail', 'jobs.high.p1.*.*.image.thumbnail'],
    ['image.>', 'jobs.high.p1.*.*.image.>'],
    ['image.small.>', 'jobs.high.p1.*.*.image.small.>'],
  ])('for %j is, of one route, %j', (operations, ofRoute) => {
    expect(routeFilter(operations, route)).toBe(ofRoute);
  });

  it.each([
    '',
    '.>',
    '*',
    '*.>',
    '>.>',
    'image.*',
    'image.',
    'image>',
    'Image.>',
    'a b',
    'a.>.>',
    'a\r\nb',
    '$JS.>',
  ])('is not made of %j', async (operations) => {
    const error = await refusalOf(() => routeFilter(operations, route));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toContain('operations filter');
    expect(error.message).not.toMatch(/[\r\n]/);
  });

  it('is a subject that the server takes, or is refused', () => {
    fc.assert(
      fc.property(anyText, (operations) => {
        const filter = attempt(() => routeFilter(operations, route));
        if (filter === undefined || filter === 'jobs.high.p1.>') return;
        expect(filter).toMatch(new RegExp(`^jobs\\.high\\.p1\\.\\*\\.\\*(?:\\.${WORD})+(?:\\.>)?$`));
      }),
      { numRuns: 1_000 },
    );
  });
});

function attempt(build: () => string): string | undefined {
  try {
    return build();
  } catch {
    return undefined;
  }
}

describe('a cancel subject', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(token, token, (tenant, jobId) => {
        expect(parseCancelSubject(cancelSubject(tenant, jobId))).toEqual({ tenant, jobId });
      }),
    );
  });

  it.each(NOT_A_TOKEN)('holds no %s', async (_what, value) => {
    expect((await refusalOf(() => cancelSubject('acme', value))).code).toBe('request-invalid');
    expect(parseCancelSubject(`cancel.acme.${value}`)).toBeUndefined();
  });

  it.each(['cancel.acme', 'cancel.acme.job.more', 'jobs.acme.job', '', 'cancel..job'])(
    'is not %j',
    (text) => {
      expect(parseCancelSubject(text)).toBeUndefined();
    },
  );
});

describe('the subject of an event', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(token, token, (tenant, jobId) => {
        expect(parseEventSubject(eventSubject(tenant, jobId))).toEqual({ tenant, jobId });
      }),
    );
  });

  it.each(['events.acme', 'events.acme.job.more', 'cancel.acme.job', '', 'events..job', 'events.acme.*'])(
    'is not %j',
    (text) => {
      expect(parseEventSubject(text)).toBeUndefined();
    },
  );
});

describe('a consumer filter', () => {
  it.each([
    ['jobs.>', true],
    ['>', true],
    ['jobs.*.*.*.*.image.>', true],
    ['jobs.*.*.*.*.image.thumbnail', true],
    ['jobs.*.*.*.*.image', false],
    ['jobs.*.*.*.*.image.thumbnail.>', false],
    ['jobs.*.*.*.*.*', false],
    ['jobs.*.*.*.*.video.>', false],
    ['dead.>', false],
  ])('%s takes a job of image.thumbnail: %s', (filter, takes) => {
    expect(subjectMatches(filter, jobSubject(good))).toBe(takes);
  });
});

describe('the filters of dead letters', () => {
  it('are those of a tenant, of an operation, of a job', () => {
    expect(deadLettersFilter('any')).toBe('dead.any.>');
    expect(deadLettersFilter('any', 'image.thumbnail')).toBe('dead.any.*.image.thumbnail');
    expect(deadLetterFilter('acme', 'job-1')).toBe('dead.acme.job-1.>');
  });

  it.each(NOT_A_TOKEN)('refuse %s', async (_what, value) => {
    expect(await refusalOf(() => deadLettersFilter(value))).toMatchObject({ code: 'request-invalid' });
    expect(await refusalOf(() => deadLetterFilter('acme', value))).toMatchObject({ code: 'request-invalid' });
    expect(await refusalOf(() => deadLetterFilter(value, 'job-1'))).toMatchObject({
      code: 'request-invalid',
    });
  });

  it.each(['', '*', '>', 'A', 'a.>', 'a b', 'a.*'])('refuse the operation %j', async (operation) => {
    expect(await refusalOf(() => deadLettersFilter('acme', operation))).toMatchObject({
      code: 'request-invalid',
    });
  });
});

describe('the tenant', () => {
  const address = { tenant: 'acme', jobId: 'one', operation: 'image.small' };
  it.each([
    jobSubject(address),
    jobSubjectFilter('acme', 'one'),
    delayedSubject(address),
    delayedSubjectFilter('acme', 'one'),
    dueSubject(address),
    deadSubject(address),
    deadLetterFilter('acme', 'one'),
    deadLettersFilter('acme'),
    deadLettersFilter('acme', 'image.small'),
    eventSubject('acme', 'one'),
    callbackEventSubject('acme', 'one'),
    callbackSubject('acme', 'one'),
    cancelSubject('acme', 'one'),
  ])('is found in %s', (subject) => expect(tenantIn(subject)).toBe('acme'));

  it('is not found where there is none', () => expect(tenantIn('>')).toBe(''));
});

describe('two filters', () => {
  it.each([
    ['jobs.>', 'jobs.*.*.*.*.echo', true],
    ['jobs.*.*.*.*.image.>', 'jobs.*.*.*.*.image.small', true],
    ['jobs.*.*.*.*.image.>', 'jobs.*.*.*.*.image', false],
    ['jobs.*.*.*.*.image.>', 'jobs.*.*.*.*.http.>', false],
    ['jobs.*.*.*.*.echo', 'jobs.*.*.*.*.echo', true],
    ['jobs.*.*.*.*.echo', 'jobs.*.*.*.*.echo.loud', false],
    ['jobs.*.*.acme.*.echo', 'jobs.*.*.*.one.echo', true],
    ['jobs.*.*.acme.>', 'jobs.*.*.globex.>', false],
  ])('%s and %s overlap: %s', (one, other, overlap) => {
    expect([filtersOverlap(one, other), filtersOverlap(other, one)]).toEqual([overlap, overlap]);
  });

  it.each(['>', 'echo', 'image.>'])('of the operations %s are read back', (operations) => {
    for (const route of ROUTES) expect(operationsOfFilter(routeFilter(operations, route))).toBe(operations);
    for (const route of OWN_ROUTES) {
      const filter = ownLaneFilter(operations, route, 'acme');
      expect([operationsOfFilter(filter), tenantOfFilter(filter)]).toEqual([operations, 'acme']);
    }
    expect(tenantOfFilter(`jobs.normal.p0.*.*.${operations}`)).toBeUndefined();
  });
});
