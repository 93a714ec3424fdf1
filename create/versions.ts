/** The versions in the `package.json` of a new project. They are those that Throughline itself is tested with. */
export const VERSIONS = {
  zod: '4.6.7',
  hono: '4.13.19',
  'workers-types': '5.20261117.1',
  'types-node': '24.19.2',
  typescript: '7.0.2',
  wrangler: '4.156.0',
  'compatibility-date': '2026-10-20',
} as const;
