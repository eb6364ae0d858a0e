import { Link } from 'wouter';
import {
  PageDeploymentDocument,
  PageDeploymentUpdatedDocument,
  PageOtherDeploymentsDocument,
  type PageDeploymentStateFragment,
} from '../../generated/gql/graphql.ts';
import { useChanges, useData } from '../api/hooks.ts';
import { PageHead } from '../elements/panel.tsx';
import { Failed, Loading, NotFound } from '../elements/states.tsx';
import { deploymentLook } from '../elements/status.tsx';
import { paths } from '../routes.ts';
import { useShownOrganization } from '../session/organization.tsx';
import { Actions } from './actions.tsx';
import { CopyAs } from './copy-as.tsx';
import { DeploymentFacts } from './deployment-facts.tsx';
import { FailureBanner } from './failure-banner.tsx';
import { LogViewer } from './log/log-viewer.tsx';
import { Timeline } from './timeline.tsx';
import { useLog, type Log } from './log/use-log.ts';
import classes from './deployment-view.module.css';

/** One deployment, as it happens: what its phases do, what they print, and what can be done about it. */
export function DeploymentView({ id }: { id: string }) {
  // Its log is asked for at once, and not after it.
  const log = useLog(id);
  const { data, error, reload } = useData(PageDeploymentDocument, { id });
  const app = data?.deployment?.productionApp;
  useShownOrganization(app?.entity.organization.id);
  const isOpen = data?.deployment?.finishedAt === null;
  useChanges(PageDeploymentUpdatedDocument, { id }, { pause: !isOpen });
  // When it has ended, others change whether it is live, and what may be done with it.
  const pause = isOpen || app === undefined;
  useChanges(PageOtherDeploymentsDocument, { productionAppId: app?.id ?? '' }, { pause, onData: reload });
  if (!data) return error ? <Failed isView error={error} onRetry={reload} /> : <Loading />;
  return data.deployment ? <Shown deployment={data.deployment} log={log} /> : <NotFound what="deployment" />;
}

function Shown({ deployment, log }: { deployment: PageDeploymentStateFragment; log: Log | null }) {
  return (
    <div className={classes['view']}>
      <PageHead
        name={titleOf(deployment)}
        title={
          <>
            <AppName deployment={deployment} /> <span className={classes['number']}>#{deployment.number}</span>
          </>
        }
        about={<DeploymentFacts deployment={deployment} />}
        actions={
          <>
            <CopyAs deployment={deployment} />
            <Actions deployment={deployment} />
          </>
        }
      />
      <FailureBanner deployment={deployment} />
      <Timeline deployment={deployment} />
      <LogViewer log={log} deployment={deployment} />
    </div>
  );
}

/** Leads to the app. */
function AppName({ deployment: { productionApp } }: { deployment: PageDeploymentStateFragment }) {
  const { subdomain, deletedAt } = productionApp;
  if (deletedAt) return subdomain;
  return (
    <Link to={paths.app(subdomain)} className={classes['app']}>
      {subdomain}
    </Link>
  );
}

/** Says in a row of tabs which one has ended, and how. */
function titleOf({ productionApp, number, status }: PageDeploymentStateFragment): string {
  return `${productionApp.subdomain} #${number}, ${deploymentLook(status).word.toLowerCase()}`;
}
