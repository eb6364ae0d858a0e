import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { DeploymentTrigger, PageDeploymentStateFragment } from '../../generated/gql/graphql.ts';
import { DeploymentBadge } from '../elements/status.tsx';
import { Age, Elapsed } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import { PHASE_NAMES } from '../elements/phase-names.ts';
import classes from './deployment-view.module.css';

/** What it ships, who wanted it and why, how long it took, and what became of it. */
export function DeploymentFacts({ deployment }: { deployment: PageDeploymentStateFragment }) {
  const { status, version, reason, createdAt, startedAt, finishedAt } = deployment;
  const { queuePosition, isLive, productionApp, supersededBy } = deployment;
  return (
    <>
      <p className={classes['facts']}>
        <DeploymentBadge status={status} />
        {isLive && (
          <a href={productionApp.url} rel="noreferrer">
            Live at {productionApp.url.replace(/^https?:\/\//, '')}
          </a>
        )}
        <span>Version {version.version}</span>
        <span>
          <Origin deployment={deployment} />, <Age at={createdAt} />
        </span>
        <span>
          waited <Elapsed from={createdAt} to={startedAt ?? finishedAt} />
          {startedAt && (
            <>
              , {finishedAt ? 'took' : 'running for'} <Elapsed from={startedAt} to={finishedAt} />
            </>
          )}
        </span>
        {queuePosition != null && (
          <span>{queuePosition === 1 ? 'next in the queue' : `place ${queuePosition} in the queue`}</span>
        )}
      </p>
      {productionApp.deletedAt && (
        <p>
          The app was deleted <Age at={productionApp.deletedAt} />.
        </p>
      )}
      {reason && <p className={classes['reason']}>“{reason}”</p>}
      {supersededBy && (
        <p>
          <Link to={paths.deployment(supersededBy.id)}>Deployment #{supersededBy.number}</Link> took its place.
        </p>
      )}
      <CancellationNote deployment={deployment} />
    </>
  );
}

const ORIGINS: Record<DeploymentTrigger, string> = {
  MANUAL: 'deployed by',
  RETRY: 'retried by',
  REDEPLOY: 'redeployed by',
  ROLLBACK: 'rolled back by',
  AUTOMATIC: 'rolled back by',
};

function Origin({ deployment: { trigger, triggeredBy, source } }: { deployment: PageDeploymentStateFragment }) {
  const who = triggeredBy?.name ?? 'Windlass';
  return (
    <>
      {ORIGINS[trigger]} {who}
      {source && (
        <>
          {trigger === 'ROLLBACK' || trigger === 'AUTOMATIC' ? ' to ' : ' from '}
          <Link to={paths.deployment(source.id)}>#{source.number}</Link>
        </>
      )}
    </>
  );
}

function CancellationNote({ deployment }: { deployment: PageDeploymentStateFragment }) {
  const { cancellation, finishedAt, failure } = deployment;
  // What came of it is told in its place.
  if (!cancellation || failure) return null;
  const { requestedAt, requestedBy, reason, willStopAt, forced } = cancellation;
  const who: ReactNode = (
    <>
      {requestedBy?.name ?? 'Windlass'} asked to cancel it <Age at={requestedAt} />
      {forced && ', with force'}
      {reason && <>: “{reason}”</>}
    </>
  );
  if (finishedAt) return <p>{who}</p>;
  return (
    <p className={classes['cancelling']} role="status">
      <strong>Cancelling{willStopAt && `: it stops in ${PHASE_NAMES[willStopAt]}`} …</strong> {who}
    </p>
  );
}
