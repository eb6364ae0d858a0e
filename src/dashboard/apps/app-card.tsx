import { Link } from 'wouter';
import type { PageAppCardFragment } from '../../generated/gql/graphql.ts';
import { AppAddress } from '../elements/app-address.tsx';
import { DeploymentBadge, HealthBadge } from '../elements/status.tsx';
import { Age } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import classes from './app-card.module.css';
import { DeployButton } from './deploy-button.tsx';
import { DeploymentBars } from './deployment-bars.tsx';

/** One app at a glance. */
export function AppCard({ app }: { app: PageAppCardFragment }) {
  const { subdomain, url, health, entity, deployments } = app;
  return (
    <article className={classes['card']} aria-label={entity.name}>
      <header className={classes['head']}>
        <div>
          <h2>
            <Link to={paths.app(subdomain)}>{entity.name}</Link>
          </h2>
          <AppAddress url={url} className={classes['url']} />
        </div>
        <HealthBadge health={health} />
      </header>
      <Live app={app} />
      <footer className={classes['foot']}>
        <DeploymentBars deployments={deployments.nodes} />
        <DeployButton app={app} label={`Deploy ${entity.name}`} />
      </footer>
    </article>
  );
}

function Live({ app }: { app: PageAppCardFragment }) {
  const { liveDeployment: live, entity, deployments } = app;
  const open = deployments.nodes.findLast(({ status }) => status === 'PENDING' || status === 'IN_PROGRESS');
  return (
    <div className={classes['live']}>
      {live ? (
        <>
          <Link to={paths.deployment(live.id)} className={classes['version']}>
            {live.version.version}
          </Link>
          <span>
            {live.finishedAt && (
              <>
                live since <Age at={live.finishedAt} />
              </>
            )}
            {live.triggeredBy && `, by ${live.triggeredBy.name}`}
          </span>
        </>
      ) : (
        <span>{entity.activeVersion ? 'Nothing was deployed yet.' : 'No version was pushed yet.'}</span>
      )}
      {open && (
        <Link to={paths.deployment(open.id)} className={classes['open']}>
          <DeploymentBadge status={open.status} /> #{open.number}
        </Link>
      )}
    </div>
  );
}
