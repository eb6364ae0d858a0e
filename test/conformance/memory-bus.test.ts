import { describe } from 'vitest';
import { createMemoryBus } from '../../src/events/bus.ts';
import { eventBusSuite } from './event-bus.ts';

describe('in memory', () => {
  // One process has one bus.
  const shared = createMemoryBus();
  eventBusSuite(async () => shared);
});
