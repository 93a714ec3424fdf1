/** The clients whose shapes `shared/propagation/carriers` knows: their own objects, and their types. */
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../dev/machine/command.ts';
import {
  type Carrier,
  extract,
  fromGrpcMetadata,
  fromNatsHeaders,
  fromSqlComment,
  type GrpcMetadataLike,
  inject,
  type NatsHeadersLike,
  setCarrier,
  withSqlComment,
} from '../../shared/propagation/index.ts';
import { jobSubject } from '../../shared/wire/subjects.ts';
import { blocksOf, fileOf, ROOT } from '../support/docs/pages.ts';
import { jobEnded } from '../support/jobs.ts';
import { startTestStack } from '../support/stack.ts';
import { readersFolder } from './support/tools.ts';

const PAGE = 'docs/CARRIERS.md';
const TRACE_ID = randomBytes(16).toString('hex');
const CARRIER: Carrier = {
  traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
  tracestate: 'b=1,a=2 c',
  baggage: 'k=%0D%0A,l=w',
};

let folder: string;
let load: NodeJS.Require;
beforeAll(async () => {
  folder = await readersFolder(PAGE);
  load = createRequire(path.join(folder, 'x.js'));
});

describe('the client of NATS, line 2', () => {
  interface Headers extends NatsHeadersLike {
    set(name: string, value: string): void;
    append(name: string, value: string): void;
  }
  interface Client {
    headers(): Headers;
    connect(options: { servers: string }): Promise<{
      publish(subject: string, data: string, options: { headers: Headers }): void;
      drain(): Promise<void>;
    }>;
  }

  it('has headers of which every spelling and every value is read', () => {
    const { headers } = load('nats') as Client;
    const written = headers();
    setCarrier(CARRIER, (name, value) => written.set(name, value));
    expect(inject(extract(fromNatsHeaders(written)).context)).toEqual(CARRIER);
    written.append('Traceparent', CARRIER.traceparent ?? '');
    expect(extract(fromNatsHeaders(written)).reason).toBe('repeated');
  });

  it('publishes a job that runs in its trace', async () => {
    const { headers, connect } = load('nats') as Client;
    const stack = await startTestStack({ tracing: false });
    const client = await connect({ servers: stack.nats.url });
    const jobId = randomUUID();
    const message = headers();
    setCarrier(CARRIER, (name, value) => message.set(name, value));
    const subject = jobSubject({ tenant: 'demo', jobId, operation: 'echo' });
    client.publish(subject, '1', { headers: message });
    await client.drain();
    expect(await jobEnded(stack, jobId)).toMatchObject({ state: 'succeeded', traceId: TRACE_ID });
  });
});

describe('gRPC', () => {
  interface Metadata extends GrpcMetadataLike {
    set(name: string, value: string): void;
    add(name: string, value: string): void;
  }
  type Answer = (error: null, reply: Buffer) => void;
  interface Grpc {
    Metadata: new () => Metadata;
    Server: new () => {
      addService(methods: object, handlers: object): void;
      bindAsync(address: string, credentials: object, done: (error: unknown, port: number) => void): void;
      forceShutdown(): void;
    };
    ServerCredentials: { createInsecure(): object };
    credentials: { createInsecure(): object };
    Client: new (
      address: string,
      credentials: object,
    ) => {
      makeUnaryRequest(...parameters: unknown[]): void;
      close(): void;
    };
  }

  const METHOD = {
    path: '/test/echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  };

  /** Makes a call with this metadata. @returns what a server reads of it */
  async function called(write: (metadata: Metadata) => void) {
    const grpc = load('@grpc/grpc-js') as Grpc;
    const server = new grpc.Server();
    const { promise: seen, resolve } = Promise.withResolvers<ReturnType<typeof extract>>();
    server.addService(
      { echo: METHOD },
      {
        echo: ({ metadata, request }: { metadata: Metadata; request: Buffer }, answer: Answer) => {
          resolve(extract(fromGrpcMetadata(metadata)));
          answer(null, request);
        },
      },
    );
    const insecure = grpc.ServerCredentials.createInsecure();
    const port = await new Promise<number>((bound) => {
      server.bindAsync('127.0.0.1:0', insecure, (_error, free) => bound(free));
    });
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const metadata = new grpc.Metadata();
    write(metadata);
    const { requestSerialize, responseDeserialize } = METHOD;
    client.makeUnaryRequest(
      METHOD.path,
      requestSerialize,
      responseDeserialize,
      Buffer.from('x'),
      metadata,
      () => {},
    );
    const reading = await seen;
    client.close();
    server.forceShutdown();
    return reading;
  }

  it('carries all three fields through a call', async () => {
    const { context } = await called((metadata) => {
      setCarrier(CARRIER, (name, value) => metadata.set(name, value));
    });
    expect(inject(context)).toEqual(CARRIER);
  });

  it('refuses traceparent that was sent twice', async () => {
    const { outcome, reason } = await called((metadata) => {
      metadata.add('traceparent', CARRIER.traceparent ?? '');
      metadata.add('Traceparent', `00-${'f'.repeat(32)}-00f067aa0ba902b7-01`);
    });
    expect([outcome, reason]).toEqual(['invalid', 'repeated']);
  });
});

describe('SQL comments', () => {
  it('are those that OpenTelemetry’s own instrumentations write', () => {
    const instrumentations = path.join(
      ROOT,
      'node_modules/@opentelemetry/auto-instrumentations-node/package.json',
    );
    const { addSqlCommenterComment } = createRequire(instrumentations)('@opentelemetry/sql-common') as {
      addSqlCommenterComment(span: Span, query: string): string;
    };
    const span = trace.getSpan(extract((name) => [CARRIER[name as keyof Carrier] ?? []].flat()).context);
    if (span === undefined) throw new Error('the carrier has no span');
    const { traceparent, tracestate } = inject(trace.setSpan(ROOT_CONTEXT, span));
    const theirs = addSqlCommenterComment(span, 'SELECT 1');
    expect(
      withSqlComment('SELECT 1', { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) }),
    ).toBe(theirs);
    expect(extract(fromSqlComment(theirs)).spanContext?.traceId).toBe(TRACE_ID);
  });
});

describe('the page', () => {
  it('compiles with the types of the clients', async () => {
    const blocks = blocksOf(PAGE).filter((block) => block.language === 'ts' && fileOf(block) === undefined);
    for (const { line, text } of blocks) await writeFile(path.join(folder, `line-${line}.ts`), text);
    const settings = {
      extends: '../../tsconfig.json',
      compilerOptions: { lib: ['ESNext', 'DOM', 'DOM.Iterable'], types: ['node'], noUnusedLocals: false },
      include: ['**/*.ts'],
    };
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
    const tsc = path.join(ROOT, 'node_modules/.bin/tsc');
    const said = runCommand(tsc, ['-p', folder], { timeoutMs: 120_000 }).catch(
      ({ cause }: { cause: { stdout: string } }) => cause.stdout,
    );
    expect(await said).toBe('');
  });
});
