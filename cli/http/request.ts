import { exchange, type HttpAnswer, type HttpRequest } from '../../client/exchange.ts';
import { explainFailure } from './fetch-failure.ts';

/**
 * Sends a request to a server that is asked by its address: the edge's own pages, a collector, a store of traces or logs.
 * @throws NoAnswerError whose message says why there is no answer, for people at a terminal; the reason of `signal`
 */
export async function ask(request: Omit<HttpRequest, 'explain' | 'fetch'>): Promise<HttpAnswer> {
  return await exchange({ ...request, explain: explainFailure });
}
