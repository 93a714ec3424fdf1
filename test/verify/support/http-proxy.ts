import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listening } from '../../support/http/listening.ts';

/** A request on its way: its headers with names in lower case, and its body. */
export interface Passing {
  headers: Record<string, string>;
  body: Buffer<ArrayBuffer>;
}

/** A proxy before a server of HTTP. */
export interface HttpProxy {
  readonly url: string;
  /** Where requests go. */
  target: string;
  /** Changes each request in place; undefined: nothing is changed. */
  change: ((request: Passing) => void) | undefined;
}

/** Headers that belong to one connection. */
const OF_CONNECTION = ['connection', 'host', 'content-length', 'transfer-encoding', 'keep-alive'];

/** Starts a proxy. It ends with the test file. */
export async function startHttpProxy(target = ''): Promise<HttpProxy> {
  const server = createServer(async (incoming, response) => {
    const given = Object.entries(incoming.headers).filter(([name]) => !OF_CONNECTION.includes(name));
    const headers = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
    const request: Passing = { headers, body: Buffer.from(await buffer(incoming)) };
    proxy.change?.(request);
    const { method = 'GET', url = '/' } = incoming;
    const answer = await fetch(proxy.target + url, {
      method,
      headers: request.headers,
      ...(request.body.length === 0 ? {} : { body: request.body }),
    }).catch(() => undefined);
    if (answer === undefined) {
      response.writeHead(502).end();
      return;
    }
    const kept = [...answer.headers].filter(
      ([name]) => ![...OF_CONNECTION, 'content-encoding'].includes(name),
    );
    response.writeHead(answer.status, Object.fromEntries(kept)).end(Buffer.from(await answer.arrayBuffer()));
  });
  const url = await listening(server);
  const proxy: HttpProxy = {
    url,
    target,
    change: undefined,
  };
  return proxy;
}

/** A span as it stands in an export of OTLP in JSON. */
export interface OtlpSpan {
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly spanId: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  endTimeUnixNano: string;
  links?: unknown[];
}

/** Changes each span of an export of OTLP in JSON. */
export function changeSpans(change: (span: OtlpSpan) => void): NonNullable<HttpProxy['change']> {
  return (request) => {
    const sent = JSON.parse(request.body.toString()) as {
      resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
    };
    for (const { scopeSpans } of sent.resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) change(span);
    }
    request.body = Buffer.from(JSON.stringify(sent));
  };
}
