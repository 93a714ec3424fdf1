import { buildEdge } from '../dev/edge/build.ts';

/** `npm run build`: writes the Worker to `dist/edge`, as `wrangler deploy` would upload it. */
const bundle = await buildEdge('dist/edge');
process.stdout.write(`${bundle.report}\n`);
