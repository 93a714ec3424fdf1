import { describe } from 'vitest';
import { MemoryBroker } from './memory-broker.ts';
import { sessionRules } from './session-rules.ts';

describe('the broker in memory', () => {
  const session = new MemoryBroker();
  sessionRules(() => ({
    session,
    announce: async (key, value) => session.operations.put(key, value),
  }));
});
