import { exchange, type HttpAnswer, type HttpRequest } from '../../client/exchange.ts';
import { explainFailure } from './fetch-failure.ts';

/**
 * Sends a request to a server that is asked by its address: the edge's own pages, a collector, a store of traces or logs.
 * @param request with a name for the server without its address: `the log store`
 * @throws NoAnswerError whose message says why there is no answer, for people at a terminal; the reason of `signal`
 */
export async function ask(request: Omit<HttpRequest, 'explain' | 'fetch'>): Promise<HttpAnswer> {
  const { who, url } = request;
  // The query may hold a token.
  const [address] = url.split('?', 1);
  return await exchange({ ...request, who: `${who} at ${address}`, explain: explainFailure });
}
