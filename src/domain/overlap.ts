/** What a new deployment does to those of its app that are open. */
export const OVERLAP_POLICIES = ['queue', 'queue_latest', 'cancel_running', 'reject'] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

export interface OpenDeployment {
  readonly id: string;
  readonly number: number;
  readonly status: 'pending' | 'in_progress';
}

export type OverlapDecision =
  /** It waits behind the others. */
  | { readonly kind: 'wait' }
  /** It is not made, because of this one. */
  | { readonly kind: 'reject'; readonly open: OpenDeployment }
  /** It takes the place of those that wait and, if so, of the one that runs. */
  | { readonly kind: 'supersede'; readonly alsoRunning: boolean };

const DECISION: Record<Exclude<OverlapPolicy, 'reject'>, OverlapDecision> = {
  queue: { kind: 'wait' },
  queue_latest: { kind: 'supersede', alsoRunning: false },
  cancel_running: { kind: 'supersede', alsoRunning: true },
};

/** Of several open deployments, the one that runs, else the next one, is the one that is named. */
export function decideOverlap(policy: OverlapPolicy, open: readonly OpenDeployment[]): OverlapDecision {
  const [next] = open;
  if (next === undefined) return { kind: 'wait' };
  if (policy !== 'reject') return DECISION[policy];
  return { kind: 'reject', open: open.find(({ status }) => status === 'in_progress') ?? next };
}
