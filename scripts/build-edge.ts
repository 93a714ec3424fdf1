import { buildEdge } from '../dev/edge/build.ts';

/** `npm run build`: the Worker as `wrangler deploy` would upload it, in `dist/edge`. */
const bundle = await buildEdge('dist/edge');
process.stdout.write(`${bundle.report}\n`);
