import openApi from '../../../edge/http/docs/openapi.json' with { type: 'json' };
import { Contract, type ContractDocument } from './contract.ts';

/** The API's own document. */
export const contract = new Contract(openApi as unknown as ContractDocument);

/**
 * Checks an answer against the document, and gives it back unread. Of an event stream it checks only the head.
 * @throws Error with all that does not fit
 */
export async function checked(method: string, url: string, response: Response): Promise<Response> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const body = isStream ? undefined : await response.clone().text();
  contract.check(method, url, { status: response.status, headers: response.headers, body });
  return response;
}
