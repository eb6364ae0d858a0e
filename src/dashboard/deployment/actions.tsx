import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import {
  PageCancelDocument,
  PageRedeployDocument,
  PageRetryDocument,
  PageRollbackDocument,
  type DeploymentAction,
  type PageDeploymentStateFragment,
} from '../../generated/gql/graphql.ts';
import { useAction } from '../api/hooks.ts';
import { useIdempotencyKey } from '../api/idempotency-key.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import formClasses from '../elements/form.module.css';
import { CheckField, TextField } from '../elements/field.tsx';
import { Refusal } from '../elements/states.tsx';
import { paths } from '../routes.ts';
import { Plan } from '../plan/plan.tsx';
import { cancelOutcome } from './cancel-outcome.ts';
import { RecipeList, recipeSubjectOf } from './copy-as.tsx';
import { actionRecipes, type RecipeInput } from './recipes.ts';
import classes from './actions.module.css';

interface Words {
  readonly name: string;
  readonly title: string;
  /** What it is for. Of a cancel, what happens depends on where the deployment is. */
  readonly about: string | null;
  readonly leave: string;
}

const WORDS: Record<DeploymentAction, Words> = {
  CANCEL: { name: 'Cancel', title: 'Cancel this deployment?', about: null, leave: 'Let it go on' },
  RETRY: {
    name: 'Retry',
    title: 'Retry this deployment',
    about: 'A new deployment goes on where this one failed, and keeps what it can.',
    leave: 'Leave it',
  },
  REDEPLOY: {
    name: 'Redeploy',
    title: 'Redeploy this version',
    about: 'A new deployment ships the same version, and makes everything afresh.',
    leave: 'Leave it',
  },
  ROLLBACK: {
    name: 'Roll back to this',
    title: 'Roll back to this deployment?',
    about:
      'A new deployment starts the stored artifact again, and takes the traffic once it is healthy. The database stays as it is.',
    leave: 'Leave it',
  },
};
const DANGEROUS: ReadonlySet<DeploymentAction> = new Set(['CANCEL', 'ROLLBACK']);

/** What may be done now, by the API's word. */
export function Actions({ deployment }: { deployment: PageDeploymentStateFragment }) {
  const [asked, setAsked] = useState<DeploymentAction | null>(null);
  return (
    <>
      {deployment.allowedActions
        .filter(({ allowed }) => allowed)
        .map(({ action }) => (
          <Button key={action} look={action === 'CANCEL' ? 'danger' : 'plain'} onClick={() => setAsked(action)}>
            {WORDS[action].name}
          </Button>
        ))}
      {asked && <Confirmation key={asked} action={asked} deployment={deployment} onClose={() => setAsked(null)} />}
    </>
  );
}

interface ConfirmationProps {
  readonly action: DeploymentAction;
  readonly deployment: PageDeploymentStateFragment;
  readonly onClose: () => void;
}

/** Says what will happen, and asks. */
function Confirmation({ action, deployment, onClose }: ConfirmationProps) {
  const [, navigate] = useLocation();
  const [reason, setReason] = useState('');
  const [force, setForce] = useState(false);
  const { run, isRunning, error } = useDeploymentAction(action, deployment.id);
  const input: RecipeInput = { reason: reason.trim() || null, force };

  async function submit(event: FormEvent) {
    event.preventDefault();
    const next = await run(input);
    if (next === null) return;
    onClose();
    if (next.id !== deployment.id) navigate(paths.deployment(next.id));
  }

  const { name, title, about, leave } = WORDS[action];
  return (
    <Dialog title={title} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        {about && <p>{about}</p>}
        {action === 'CANCEL' ? (
          <CancelChoice deployment={deployment} force={force} onForce={setForce} />
        ) : (
          <Plan of={{ productionAppId: deployment.productionApp.id, trigger: action, sourceId: deployment.id }} />
        )}
        <TextField
          label="Reason"
          value={reason}
          maxLength={500}
          placeholder="For whoever reads the history"
          onChange={(event) => setReason(event.target.value)}
        />
        <details className={classes['recipes']}>
          <summary>As GraphQL, curl or CLI</summary>
          <RecipeList recipes={actionRecipes(action, recipeSubjectOf(deployment), input)} />
        </details>
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>{leave}</Button>
          <Button type="submit" look={DANGEROUS.has(action) ? 'danger' : 'primary'} isRunning={isRunning}>
            {name}
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}

interface CancelChoiceProps {
  readonly deployment: PageDeploymentStateFragment;
  readonly force: boolean;
  readonly onForce: (force: boolean) => void;
}

function CancelChoice({ deployment, force, onForce }: CancelChoiceProps) {
  const { sentences, mayForce } = cancelOutcome(deployment);
  return (
    <>
      <ul className={classes['outcome']} aria-label="What will happen">
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {mayForce && (
        <CheckField
          label="End the running migration command, too"
          hint="This may leave the app's database half migrated."
          checked={force}
          onChange={(event) => onForce(event.target.checked)}
        />
      )}
    </>
  );
}

/** Each answers with the deployment to look at afterwards, or null when it was refused. */
function useDeploymentAction(action: DeploymentAction, deploymentId: string) {
  const idempotencyKey = useIdempotencyKey();
  const cancel = useAction(PageCancelDocument);
  const retry = useAction(PageRetryDocument);
  const redeploy = useAction(PageRedeployDocument);
  const rollback = useAction(PageRollbackDocument);
  const carryOut: Record<DeploymentAction, (input: RecipeInput) => Promise<{ id: string } | null>> = {
    CANCEL: async ({ reason, force }) =>
      (await cancel.run({ input: { deploymentId, reason, force } }))?.cancelDeployment.deployment ?? null,
    RETRY: async ({ reason }) =>
      (await retry.run({ input: { deploymentId, reason, idempotencyKey } }))?.retryDeployment.deployment ?? null,
    REDEPLOY: async ({ reason }) =>
      (await redeploy.run({ input: { deploymentId, reason, idempotencyKey } }))?.redeployDeployment.deployment ?? null,
    ROLLBACK: async ({ reason }) =>
      (await rollback.run({ input: { deploymentId, reason, idempotencyKey } }))?.rollbackDeployment.deployment ?? null,
  };
  return {
    run: carryOut[action],
    isRunning: [cancel, retry, redeploy, rollback].some((each) => each.isRunning),
    error: cancel.error ?? retry.error ?? redeploy.error ?? rollback.error,
  };
}
