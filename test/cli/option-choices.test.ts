import { expect, test } from 'vitest';
import * as choices from '../../src/cli/caller/option-choices.ts';
import { DEPLOYMENT_STATUSES, LOG_LEVELS, LOG_STREAMS, PHASES } from '../../src/domain/deployment.ts';
import { OVERLAP_POLICIES } from '../../src/domain/overlap.ts';

// The commands for callers know nothing of the server, and its words all the same.
test('what the options of the command line may be is what the server knows', () => {
  expect(choices.PHASES).toEqual(PHASES);
  expect(choices.STATUSES).toEqual(DEPLOYMENT_STATUSES);
  expect(choices.LOG_LEVELS).toEqual(LOG_LEVELS);
  expect(choices.LOG_STREAMS).toEqual(LOG_STREAMS);
  expect(choices.OVERLAPS.map((overlap) => overlap.replaceAll('-', '_'))).toEqual(OVERLAP_POLICIES);
});
