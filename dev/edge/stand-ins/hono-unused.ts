/**
 * Stands for modules of Hono that read forms, write HTML that is not complete yet, and call the app of another framework. wrangler.toml puts
 * this module in their place: the Worker does none of that, and without them the bundle is 1 KiB smaller.
 */
export const HtmlEscapedCallbackPhase = { Stringify: 1 } as const;

export const resolveCallback = unused;
export const createMountedRequest = unused;
export const parseBody = unused;

function unused(): never {
  throw new Error('this bundle has no HTML, no forms and no other apps');
}
