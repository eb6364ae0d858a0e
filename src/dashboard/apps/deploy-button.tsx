import { useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import {
  PageTriggerDocument,
  PageVersionsToDeployDocument,
  type OverlapPolicy,
  type PageAppCardFragment,
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
import { OVERLAP_WORDS, overlapOptions } from './overlap.ts';
import { useMayPublish } from './permission.ts';

interface ShippedVersion {
  readonly id: string;
  readonly version: string;
}

/** Asks what to deploy and why. Nothing for who may not. */
export function DeployButton({
  app,
  version = app.entity.activeVersion,
  label,
  look,
}: {
  app: PageAppCardFragment;
  /** Default: the active one. */
  version?: ShippedVersion | null;
  /** Its name for screen readers, where there are many. */
  label?: string;
  look?: 'primary' | 'plain';
}) {
  const [isAsking, setIsAsking] = useState(false);
  const isAllowed = useMayPublish(app.entity, 'ENTITIES_DEPLOY');
  if (!isAllowed) return null;
  return (
    <>
      <Button
        look={look}
        disabled={!version}
        aria-label={label}
        title={version ? `Deploy version ${version.version}` : 'No version was pushed yet.'}
        onClick={() => setIsAsking(true)}
      >
        Deploy
      </Button>
      {isAsking && version && <DeployDialog app={app} version={version} onClose={() => setIsAsking(false)} />}
    </>
  );
}

function DeployDialog({
  app,
  version,
  onClose,
}: {
  app: PageAppCardFragment;
  /** The one that is chosen at first. */
  version: ShippedVersion;
  onClose: () => void;
}) {
  const { id: productionAppId, entity, overlap: policyOfApp } = app;
  const [, navigate] = useLocation();
  const idempotencyKey = useIdempotencyKey();
  const [versionId, setVersionId] = useState(version.id);
  const [reason, setReason] = useState('');
  const [overlap, setOverlap] = useState<OverlapPolicy | ''>('');
  const { data } = useData(PageVersionsToDeployDocument, { entityId: entity.id });
  const { run, isRunning, error } = useAction(PageTriggerDocument);

  async function submit(event: FormEvent) {
    event.preventDefault();
    const answer = await run({
      input: { productionAppId, versionId, reason: reason.trim() || null, overlap: overlap || null, idempotencyKey },
    });
    if (answer) navigate(paths.deployment(answer.triggerDeployment.deployment.id));
  }

  const listed = data?.entity?.versions.nodes ?? [];
  const versions: readonly ShippedVersion[] = listed.some(({ id }) => id === version.id)
    ? listed
    : [version, ...listed];
  return (
    <Dialog title={`Deploy ${entity.name}`} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
        <SelectField
          label="Version"
          value={versionId}
          options={versions.map((each) => [
            each.id,
            each.id === entity.activeVersion?.id ? `${each.version} (active)` : each.version,
          ])}
          onChoose={setVersionId}
        />
        <TextField
          label="Reason"
          value={reason}
          maxLength={500}
          placeholder="For whoever reads the history"
          onChange={(event) => setReason(event.target.value)}
        />
        <SelectField
          label="If another deployment is open"
          value={overlap}
          options={[['', `As the app has it: ${OVERLAP_WORDS[policyOfApp].toLowerCase()}`], ...overlapOptions()]}
          onChoose={(chosen) => setOverlap(chosen as OverlapPolicy | '')}
        />
        <Plan of={{ productionAppId, versionId, trigger: 'MANUAL' }} />
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="primary" isRunning={isRunning}>
            Deploy
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}
