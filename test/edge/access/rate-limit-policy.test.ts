import { expect, it } from 'vitest';
import { policyItem, spentItem } from '../../../edge/access/rate-limit-policy.ts';
import { QUOTA_NAMES } from '../../../shared/quotas.ts';

/** The largest integer of a structured field (RFC 9651, section 3.3.1). */
const LARGEST = '999999999999999';

it.each(QUOTA_NAMES)(
  'the largest quota that can be set is a valid integer of a structured field: %s',
  (name) => {
    const limit = Number.MAX_SAFE_INTEGER;
    const windowSeconds = 100;
    expect(policyItem({ name, limit, windowSeconds })).toMatch(
      new RegExp(`;q=${LARGEST}(?:;qu="[a-z-]+")?;w=100$`),
    );
    expect(policyItem({ name, limit: limit * 100, windowSeconds })).toContain(`;q=${LARGEST};`);
    expect(spentItem({ name, limit, left: limit }, 5)).toBe(`"${name}";r=${LARGEST};t=5`);
  },
);
