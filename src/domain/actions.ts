import { isTerminal, type DeploymentStatus } from './deployment.ts';
import type { ErrorCode } from './errors.ts';

/** What may be done with a deployment. */
export const DEPLOYMENT_ACTIONS = ['cancel', 'retry', 'redeploy', 'rollback'] as const;
export type DeploymentAction = (typeof DEPLOYMENT_ACTIONS)[number];

/** A deployment, the app it belongs to, and who is asking. */
export interface ActionFacts {
  readonly status: DeploymentStatus;
  /** Why the viewer may do none of it, as a sentence. Null: he may. */
  readonly forbidden: string | null;
  readonly isAppDeleted: boolean;
  /** Its release takes the app's traffic. */
  readonly isLive: boolean;
  /** The newest deployment of the app that is open or has completed, if it is newer than this one. */
  readonly newer: { readonly number: number; readonly status: DeploymentStatus } | null;
  /** The number of a later deployment whose migrations cannot be undone. */
  readonly irreversibleSince: number | null;
}

export interface Refusal {
  readonly code: Extract<ErrorCode, 'FORBIDDEN' | 'ALREADY_FINISHED' | 'CONFLICT'>;
  /** Why, as a sentence. */
  readonly reason: string;
}

export interface AllowedAction {
  readonly action: DeploymentAction;
  readonly allowed: boolean;
  readonly reason: string | null;
}

/** Every action, with why it is not allowed if so. */
export function allowedActions(facts: ActionFacts): AllowedAction[] {
  return DEPLOYMENT_ACTIONS.map((action) => {
    const refusal = refusalOf(action, facts);
    return { action, allowed: refusal === null, reason: refusal?.reason ?? null };
  });
}

/** Why an action is refused; null when it is allowed. What shows actions and what does them both ask here. */
export function refusalOf(action: DeploymentAction, facts: ActionFacts): Refusal | null {
  if (facts.forbidden !== null) return { code: 'FORBIDDEN', reason: facts.forbidden };
  if (action === 'cancel') return isTerminal(facts.status) ? finished(facts) : null;
  if (facts.isAppDeleted) return conflict('The production app was deleted.');
  if (action === 'rollback') return whyNoRollback(facts);
  if (!isTerminal(facts.status)) return conflict('It has not ended yet.');
  if (action === 'retry' && facts.status === 'completed') {
    return conflict('Only a failed or cancelled deployment can be tried again: this one has completed.');
  }
  return facts.newer && superseded(facts.newer);
}

function whyNoRollback({ status, isLive, irreversibleSince }: ActionFacts): Refusal | null {
  if (status !== 'completed') return conflict('Only a completed deployment can be gone back to.');
  if (isLive) return conflict('It serves already.');
  if (irreversibleSince === null) return null;
  return conflict(
    `Deployment ${irreversibleSince} ran migrations that are marked as irreversible. Older code may not work with the database as it is now; allowIrreversible goes back all the same.`,
  );
}

function finished({ status }: ActionFacts): Refusal {
  return { code: 'ALREADY_FINISHED', reason: `The deployment has ${status} already and cannot be cancelled.` };
}

/** An older deployment never replaces a newer one; going back is a rollback, and says so. */
function superseded({ number, status }: { number: number; status: DeploymentStatus }): Refusal {
  const what = status === 'completed' ? 'has completed' : status === 'pending' ? 'is waiting' : 'is in progress';
  return conflict(`Deployment ${number} is newer and ${what}: an older one must not replace it.`);
}

function conflict(reason: string): Refusal {
  return { code: 'CONFLICT', reason };
}
