import { expect, it } from 'vitest';
import { isCompatible } from '../../../dev/edge/stand-ins/semver.ts';
import { isCompatible as original } from '../../../node_modules/@opentelemetry/api/build/esm/internal/semver.js';
import { VERSION } from '../../../node_modules/@opentelemetry/api/build/esm/version.js';

const [major = 0, minor = 0, patch = 0] = VERSION.split('.').map(Number);
const NEIGHBOURS = [-1, 0, 1].flatMap((a) =>
  [-1, 0, 1].flatMap((b) => [0, 1].map((c) => `${major + a}.${minor + b}.${patch + c}`)),
);

it.each(NEIGHBOURS)('version %s of the API is as compatible in the Worker as elsewhere', (version) => {
  expect(isCompatible(version)).toBe(original(version));
});
