/**
 * Stands for two modules that compare versions: that of `@nats-io/nats-core` says what a nats-server can do, which the edge does not
 * ask the client, and that of `@opentelemetry/api` knows pre-releases too. wrangler.toml puts this module in their place. The bundle is
 * 1 KiB smaller.
 */
import { VERSION } from '../../../node_modules/@opentelemetry/api/build/esm/version.js';

/** What a nats-server can do, as the client keeps it. */
export class Features {
  update(): void {}
}

/** The client gives what this makes to {@link Features} only. */
export const parseSemVer = (version: string): string => version;

/** The last version that was found compatible: each look at the active context asks, and nearly always about the same one. */
let compatible: string | undefined;

/** Whether the API of OpenTelemetry that another module has registered has all that ours has. */
export function isCompatible(registered: string): boolean {
  if (registered === compatible) return true;
  const [major, minor = 0] = registered.split('.').map(Number);
  const [ownMajor, ownMinor = 0] = VERSION.split('.').map(Number);
  if (major !== ownMajor || minor < ownMinor) return false;
  compatible = registered;
  return true;
}
