/**
 * Stands for the part of zod that writes JSON Schema. The Worker never does that, and wrangler.toml puts this module in
 * its place: the bundle is 5 KiB smaller.
 */
export const createToJSONSchemaMethod = () => unused;
export const createStandardJSONSchemaMethod = () => unused;
export const toJSONSchema = unused;
export const JSONSchemaGenerator = unused;

function unused(): never {
  throw new Error('the Worker has no JSON Schema writer');
}
