import { CancelDocument } from '../../generated/gql/graphql.ts';
import type { ExitName } from './exit-codes.ts';
import { followAndReport, type FollowOptions } from './follow/follow-command.ts';
import type { Verdict } from './follow/renderer.ts';
import { openSession, type Caller } from './session.ts';
import { chooseDeployment, type DeploymentChoice } from './status.ts';

export interface CancelOptions extends FollowOptions, DeploymentChoice {
  readonly force?: boolean;
  readonly reason?: string;
}

/**
 * Asks a deployment to stop, and waits until it has. It is done when nothing of the deployment runs any more: then the exit
 * code is that of a command that did what it should, and not that of a deployment that was cancelled. A deployment that has
 * completed before it could be stopped is a conflict.
 */
export async function runCancel(
  caller: Caller,
  text: string | undefined,
  options: CancelOptions,
): Promise<ExitName | void> {
  const session = openSession(caller);
  const { output } = caller;
  const deploymentId = await chooseDeployment(caller, session, text, options);
  const { reason, force } = options;
  const { cancelDeployment } = await session.client.request(CancelDocument, { input: { deploymentId, reason, force } });
  const { number, cancellation } = cancelDeployment.deployment;
  const place = cancellation?.willStopAt ? `, and stops in ${cancellation.willStopAt.toLowerCase()}` : '';
  output.say(`Deployment ${number} was asked to stop${place}.`);
  if (!options.wait && !output.json) return output.result(deploymentId);
  const followed = { ...options, onInterrupt: 'detach', exitOf: exitOfCancel } as const;
  return followAndReport(caller, session, deploymentId, followed);
}

function exitOfCancel({ status }: Verdict): ExitName {
  return status === 'COMPLETED' ? 'conflict' : 'completed';
}
