import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import { Contract, type ContractDocument } from './contract.ts';

/** The API's own document. */
export const contract = new Contract(openApi as unknown as ContractDocument);

/**
 * Holds an answer against the document, and gives it back unread; of an event stream, only its head.
 * @throws Error with everything that does not fit
 */
export async function checked(method: string, url: string, response: Response): Promise<Response> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const body = isStream ? undefined : await response.clone().text();
  contract.check(method, url, { status: response.status, headers: response.headers, body });
  return response;
}
