/** A Worker of a user that wraps the edge: a header on every answer, and routes before and after those of the API. */
export const WRAPPED_EDGE = `
import { createEdge, type EdgeBindings } from '@throughline/edge';
export { Bridge, JobIndex, Schedules } from '@throughline/edge';

interface Env extends EdgeBindings {
  readonly GREETING: string;
}
export default createEdge<Env>({
  before: (app) => {
    app.use(async (c, next) => {
      await next();
      c.header('x-greeting', c.env.GREETING);
    });
    app.get('/hello', (c) => c.text(c.env.GREETING));
  },
  after: (app) => app.get('/later', (c) => c.json({ path: c.req.path })),
}) satisfies ExportedHandler<Env>;
`;
