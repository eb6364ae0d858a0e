import { Link } from 'wouter';
import type { PageAppStateFragment, PageDeploymentRowFragment } from '../../generated/gql/graphql.ts';
import { AppAddress } from '../elements/app-address.tsx';
import { Facts } from '../elements/facts.tsx';
import { Panel } from '../elements/panel.tsx';
import { Empty } from '../elements/states.tsx';
import { DeploymentBadge, HealthBadge } from '../elements/status.tsx';
import { Age, Elapsed } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import { DeployButton } from './deploy-button.tsx';
import { DeploymentBars } from './deployment-bars.tsx';
import classes from './overview.module.css';
import { RollbackButton } from './rollback-button.tsx';

const LAST = 6;

/** What serves, what would be deployed next, and what was deployed last. */
export function Overview({ app }: { app: PageAppStateFragment }) {
  return (
    <div className={classes['overview']}>
      <Live app={app} />
      <Last app={app} />
    </div>
  );
}

function Live({ app }: { app: PageAppStateFragment }) {
  const { liveDeployment: live, entity, url, health } = app;
  const next = entity.activeVersion;
  return (
    <Panel title="Live" actions={<RollbackButton app={app} />}>
      {live ? (
        <Facts
          facts={[
            ['Version', <strong key="version">{live.version.version}</strong>],
            ['Deployment', <DeploymentLink key="deployment" deployment={live} />],
            ['Since', live.finishedAt ? <Age at={live.finishedAt} /> : 'it is about to complete'],
            ['By', who(live)],
            ...(live.reason ? [['Why', live.reason] as const] : []),
            ['Health', <HealthBadge key="health" health={health} />],
            ['Address', <AppAddress key="address" url={url} />],
          ]}
        />
      ) : (
        <Empty title="Nothing is live">
          {next ? `Version ${next.version} was pushed and waits to be deployed.` : 'No version was pushed yet.'}
        </Empty>
      )}
      {live && next && next.id !== live.version.id && (
        <div className={classes['next']}>
          <p>
            Version <strong>{next.version}</strong> is active, and not what serves.
          </p>
          <DeployButton app={app} label={`Deploy ${next.version}`} />
        </div>
      )}
    </Panel>
  );
}

function Last({ app: { subdomain, deployments } }: { app: PageAppStateFragment }) {
  const { nodes } = deployments;
  return (
    <Panel title="Last deployments" actions={<Link to={paths.app(subdomain, 'deployments')}>All of them</Link>}>
      {nodes.length === 0 ? (
        <Empty title="None yet">They are listed here as they happen.</Empty>
      ) : (
        <>
          <div className={classes['bars']}>
            <DeploymentBars deployments={nodes} />
          </div>
          <ul className={classes['last']}>
            {nodes.slice(0, LAST).map((deployment) => (
              <li key={deployment.id}>
                <DeploymentLink deployment={deployment} />
                <DeploymentBadge status={deployment.status} />
                <span className={classes['version']}>{deployment.version.version}</span>
                <span className={classes['about']}>
                  {who(deployment)}, <Age at={deployment.createdAt} />
                  {deployment.startedAt && (
                    <>
                      , {deployment.finishedAt ? 'took' : 'for'}{' '}
                      <Elapsed from={deployment.startedAt} to={deployment.finishedAt} />
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

function DeploymentLink({ deployment: { id, number } }: { deployment: PageDeploymentRowFragment }) {
  return (
    <Link to={paths.deployment(id)} aria-label={`Deployment #${number}`}>
      #{number}
    </Link>
  );
}

function who({ triggeredBy }: PageDeploymentRowFragment): string {
  return triggeredBy?.name ?? 'Windlass';
}
