import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import {
  PageRollbackDocument,
  PageRollbackTargetsDocument,
  type PageAppStateFragment,
  type PageRollbackTargetFragment,
} from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { useIdempotencyKey } from '../api/idempotency-key.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { SelectField, TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { Refusal } from '../elements/states.tsx';
import { Plan } from '../plan/plan.tsx';
import { paths } from '../routes.ts';
import { useMayPublish } from './permission.ts';

/** Goes back to an earlier deployment: the one that the API would choose is proposed. Nothing where there is none, or for who may not. */
export function RollbackButton({ app }: { app: PageAppStateFragment }) {
  const [isAsking, setIsAsking] = useState(false);
  const isAllowed = useMayPublish(app.entity, 'ENTITIES_DEPLOY');
  const { rollbackTarget } = app;
  if (!isAllowed || !rollbackTarget) return null;
  return (
    <>
      <Button onClick={() => setIsAsking(true)}>Roll back</Button>
      {isAsking && <RollbackDialog app={app} proposed={rollbackTarget} onClose={() => setIsAsking(false)} />}
    </>
  );
}

interface RollbackDialogProps {
  app: PageAppStateFragment;
  proposed: PageRollbackTargetFragment;
  onClose: () => void;
}

function RollbackDialog({ app, proposed, onClose }: RollbackDialogProps) {
  const [, navigate] = useLocation();
  const idempotencyKey = useIdempotencyKey();
  const { data } = useData(PageRollbackTargetsDocument, { productionAppId: app.id });
  const targets = targetsOf(app, proposed, data?.deployments.nodes ?? []);
  const [targetId, setTargetId] = useState(proposed.id);
  const { run, isRunning, error } = useAction(PageRollbackDocument);
  const rule = targets.find(({ id }) => id === targetId)?.allowedActions.find(({ action }) => action === 'ROLLBACK');

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = (new FormData(event.currentTarget).get('reason') as string).trim() || null;
    const answer = await run({ input: { deploymentId: targetId, reason, idempotencyKey } });
    if (answer) navigate(paths.deployment(answer.rollbackDeployment.deployment.id));
  }

  return (
    <Dialog title={`Roll back ${app.entity.name}`} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        <SelectField
          label="Back to"
          value={targetId}
          options={targets.map(({ id, number, version }) => [id, `#${number}, version ${version.version}`])}
          onChoose={setTargetId}
          hint="Its stored artifact serves again, without a build. Migrations are not undone."
        />
        <TextField label="Reason" name="reason" maxLength={500} placeholder="For whoever reads the history" />
        {rule?.allowed === false && <p role="alert">{rule.reason}</p>}
        <Plan of={{ productionAppId: app.id, trigger: 'ROLLBACK', sourceId: targetId }} />
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="primary" isRunning={isRunning} disabled={rule?.allowed === false}>
            Roll back
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}

/** What can be chosen, newest first: also what is proposed, however far back that is. */
function targetsOf(
  { liveDeployment }: PageAppStateFragment,
  proposed: PageRollbackTargetFragment,
  completed: readonly PageRollbackTargetFragment[],
): readonly PageRollbackTargetFragment[] {
  const others = completed.filter(({ id }) => id !== liveDeployment?.id && id !== proposed.id);
  return [proposed, ...others].toSorted((one, other) => other.number - one.number);
}
