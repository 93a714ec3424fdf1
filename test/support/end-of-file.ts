import { afterAll } from 'vitest';
import { endAll } from './cleanup.ts';

// A set-up file: vitest loads it again before each test file, in a process that the files share too.
afterAll(endAll);
