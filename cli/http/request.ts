import { exchange, type HttpAnswer, type HttpRequest } from '../../client/exchange.ts';
import { explainFailure } from './fetch-failure.ts';

/**
 * Sends a request to a server that is asked by its address: the edge's own pages, a collector, a store of traces or logs.
 * @param request with a name for the server without its address: `the log store`
 * @throws NoAnswerError whose message says why there is no answer, for people at a terminal; the reason of `signal`
 */
export async function ask(request: Omit<HttpRequest, 'explain' | 'fetch'>): Promise<HttpAnswer> {
  const who = `${request.who} at ${withoutQuery(request.url)}`;
  return await exchange({ ...request, who, explain: explainFailure });
}

/** An address for a sentence: its query may hold a token. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*/s, '');
}
