import { createEdge, type EdgeBindings } from '@throughline/edge';

/** The Durable Objects of Throughline. wrangler.toml names them. */
export { Bridge, JobIndex, Schedules } from '@throughline/edge';

/** The bindings in wrangler.toml. Add your own here. */
interface Env extends EdgeBindings {
  readonly ENVIRONMENT?: string;
}

/** Throughline's API, with a route of your own before it. */
export default createEdge<Env>({
  before: (app) => {
    app.get('/version', (c) => c.json({ environment: c.env.ENVIRONMENT ?? 'local' }));
  },
});
