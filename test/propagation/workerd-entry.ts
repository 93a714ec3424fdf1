/** The suite as a Worker: `GET /` lists the cases, `/results` the table's outputs, `/<n>` runs one case. */
import { cases, results } from './suite.ts';

async function answer(path: string): Promise<Response> {
  if (path === '/') return Response.json(cases.map(({ name }) => name));
  if (path === '/results') return Response.json(results());
  await cases[Number(path.slice(1))]?.run();
  return new Response('ok');
}

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      return await answer(new URL(request.url).pathname);
    } catch (error) {
      return new Response(error instanceof Error ? error.stack : String(error), { status: 500 });
    }
  },
};
