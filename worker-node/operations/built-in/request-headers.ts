import * as z from 'zod';

/**
 * Headers that a job must not set, as patterns of their whole names:
 * - those of the connection and of the host that was checked (RFC 9110, sections 7.2 and 7.6.1), and those that only
 *   browsers set;
 * - those by which proxies say for whom, or for which URL, they ask, and who has signed in to them;
 * - those that open the metadata services of clouds;
 * - those of trace contexts: one module alone speaks for the trace.
 */
const RESERVED = [
  'host|content-length|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer',
  'http2-settings|early-data|proxy-.*|sec-.*|via|cdn-loop',
  'forwarded|x-forwarded(-.*)?|x-real-ip|x-(client|cluster-client)-ip|x-original-(url|uri|host|for|forwarded-.*)',
  '((true|fastly|fly|wl-proxy|x-cf)-)?client-ip|cf-(connecting-.*|ipcountry|visitor|ray|worker)|x-(host|rewrite-url)',
  'x-(originating|remote|proxyuser)-ip|x-remote-(addr|host|port)|x-appengine-.*|x-arr-.*|front-end-https|x-url-scheme',
  '(x-)?(remote|authenticated|webauth)-(user(id)?|email|name|groups?|scope)|x-auth-request-.*',
  'cf-access-(jwt|authenticated)-.*|x-goog-(authenticated-user|iap)-.*|x-(endpoint|apigateway)-api-userinfo',
  'x-amzn-(oidc|mtls)-.*|x-ms-client-principal(-.*)?|x-ms-token-.*|tailscale-user-.*|x-(authentik|pomerium)-.*',
  'x-consumer-(id|custom-id|username|groups)|(x-)?ssl-client-.*|(x-)?client-(cert|verify|dn|s-dn|i-dn)(-.*)?',
  'x-envoy-.*|x-azure-(clientip|socketip)|x-http-method(-override)?|x-method-override',
  'metadata(-.*)?|x-(google|aws|aliyun|tencent|oracle|ibm)-(.*-)?metadata(-.*)?',
  'traceparent|tracestate|traceresponse|baggage|b3|x-b3-.*|x-ot-.*|ot-(tracer|baggage)-.*',
  'uber-trace-id|uberctx-.*|jaeger-.*|x-amzn-trace-id|x-cloud-trace-context|grpc-trace-bin|correlation-context',
  'x-newrelic-.*|x-honeycomb-trace|x-client-trace-id|l5d-ctx-.*|singularityheader|x-dtpc|x-trace',
  'sentry-trace|newrelic|elastic-apm-.*|x-(datadog|dynatrace|instana)(-.*)?|sw[368](-.*)?',
];

/** One negative lookahead for each pattern: the edge can check those, and it keeps each one small. */
const NOT_RESERVED = new RegExp(`^${RESERVED.map((names) => `(?!(?:${names})$)`).join('')}`, 'i');

const HeaderName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and "-"')
  .regex(NOT_RESERVED, 'is not for a job to set');

/** The headers of a request, as a job may set them. Names are the same in any case. */
export const RequestHeaders = z
  .record(HeaderName, z.string().regex(/^[\x20-\x7e]*$/, 'must be printable ASCII'))
  .refine((headers) => twice(Object.keys(headers)) === undefined, {
    error: ({ input }) => `${twice(Object.keys(input as object))} is there twice, in different cases`,
  });

/** Whether a header is there, in any case. */
export function hasHeader(headers: object, name: string): boolean {
  return Object.keys(headers).some((key) => key.toLowerCase() === name);
}

/** The first name that is there before, in another case. */
function twice(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name.toLowerCase()).size);
}
