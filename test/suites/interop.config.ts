import { defineConfig } from 'vitest/config';

/** `npm run test:interop`: the workers and producers of `examples/` in Python, Go and Rust. */
export default defineConfig({
  test: {
    include: ['test/interop/**/*.interop.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/end-of-file.ts'],
    maxWorkers: 2,
    testTimeout: 300_000,
    // A first build in Go or Rust takes minutes.
    hookTimeout: 1_500_000,
  },
});
