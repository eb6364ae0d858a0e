import type { OverlapPolicy } from '../../generated/gql/graphql.ts';

/** What a new deployment does when another one of its app is open. */
export const OVERLAP_WORDS: Record<OverlapPolicy, string> = {
  QUEUE: 'Wait behind it',
  QUEUE_LATEST: 'Wait, in place of those that wait',
  CANCEL_RUNNING: 'Cancel it, and those that wait',
  REJECT: 'Refuse to start',
};

const POLICIES = Object.entries(OVERLAP_WORDS) as [OverlapPolicy, string][];

/** To choose from, in the order of how much they do to others. */
export function overlapOptions(): (readonly [OverlapPolicy, string])[] {
  return POLICIES;
}
