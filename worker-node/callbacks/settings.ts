import * as z from 'zod';
import { wholeNumber } from '../../shared/config.ts';
import { callbackSecretKey } from '../../shared/text/callback-secret.ts';
import { parseJson } from '../../shared/text/json.ts';
import { isToken } from '../../shared/wire/subjects.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const WHAT = '"whsec_" and 24 to 64 bytes in base64';

/** The keys of secrets; undefined when one is none. */
function keysOf(secrets: readonly string[]): Uint8Array[] | undefined {
  const keys = secrets.map(callbackSecretKey).filter((key) => key !== undefined);
  return keys.length > 0 && keys.length === secrets.length ? keys : undefined;
}

/** Several, with commas: the first one is the new one. */
const Secret = z.string().transform((text, context) => {
  const keys = keysOf(text.split(',').map((secret) => secret.trim()));
  if (keys !== undefined) return keys;
  context.addIssue({ code: 'custom', message: `must be ${WHAT}, or a comma list of such` });
  return z.NEVER;
});

const SecretMap = z.record(z.string().refine(isToken), z.union([z.string(), z.array(z.string())]));

const Secrets = z
  .string()
  .default('{}')
  .transform((text, context) => {
    const map = SecretMap.safeParse(parseJson(text));
    const entries = Object.entries(map.data ?? {}).map(
      ([tenant, secrets]) => [tenant, keysOf([secrets].flat())] as const,
    );
    const known = entries.filter((entry): entry is [string, Uint8Array[]] => entry[1] !== undefined);
    if (map.success && known.length === entries.length) return new Map(known);
    context.addIssue({
      code: 'custom',
      message: `must be a JSON object of tenants, each with a secret or a list of them: ${WHAT}`,
    });
    return z.NEVER;
  });

/** The settings of how callbacks are signed, where they may go, and how often they are tried. */
export const callbackSettings = {
  CALLBACK_ALLOW: z.string().default(''),
  CALLBACK_SECRET: Secret.optional(),
  CALLBACK_SECRETS: Secrets,
  CALLBACK_CONCURRENCY: wholeNumber(0, 1_000, 10),
  CALLBACK_TIMEOUT_MS: wholeNumber(100, 60_000, 10_000),
  CALLBACK_MAX_ATTEMPTS: wholeNumber(1, 100, 8),
  CALLBACK_RETRY_MIN_MS: wholeNumber(1, DAY_MS, 5_000),
  CALLBACK_RETRY_MAX_MS: wholeNumber(1, DAY_MS, 20 * 60 * 60 * 1_000),
};
