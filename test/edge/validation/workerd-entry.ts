/** The check of the hostile families as a Worker: `GET /<family>/<size>` gives the verdict and the steps. */
import { HOSTILE_FAMILIES } from '../../support/hostile-schemas.ts';
import { checkFamily } from './check-family.ts';

export default {
  async fetch(request: Request): Promise<Response> {
    const [, family, size] = new URL(request.url).pathname.split('/').map(Number);
    const found = HOSTILE_FAMILIES[family ?? 0];
    return found === undefined
      ? new Response(null, { status: 404 })
      : Response.json(checkFamily(found, size ?? 1));
  },
};
