import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { PageAppChangedDocument, PageAppDocument, type PageAppStateFragment } from '../../generated/gql/graphql.ts';
import { useChanges, useData } from '../api/hooks.ts';
import { DeploymentList } from '../deployments/deployment-list.tsx';
import { NoDeployments } from '../deployments/no-deployments.tsx';
import { AppAddress } from '../elements/app-address.tsx';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Failed, Loading, NotFound } from '../elements/states.tsx';
import { HealthBadge } from '../elements/status.tsx';
import { Tabs } from '../elements/tabs.tsx';
import { paths, type AppPart } from '../routes.ts';
import classes from './app-view.module.css';
import { useOrganizationPath, useShownOrganization } from '../session/organization.tsx';
import { DeployButton } from './deploy-button.tsx';
import { EnvironmentPart } from './environment-part.tsx';
import { Overview } from './overview.tsx';
import { RuntimeLog } from './runtime-log.tsx';
import { SettingsPart } from './settings-part.tsx';
import { VersionsPart } from './versions-part.tsx';

/** By then the server has a subscription that was asked for before. */
const SUBSCRIBED_MS = 1_000;

const PARTS: Record<AppPart, string> = {
  deployments: 'Deployments',
  versions: 'Versions',
  log: 'Runtime log',
  environment: 'Environment',
  settings: 'Settings',
};

/** One app: what is live of it, and everything that belongs to it, each part with a path of its own. */
export function AppView({ subdomain, part }: { subdomain: string; part?: string }) {
  const { data, error, reload } = useData(PageAppDocument, { subdomain });
  const app = data?.productionApp;
  useShownOrganization(app?.entity.organization.id);
  const id = app?.id;
  useChanges(PageAppChangedDocument, { id: id ?? '' }, { pause: id === undefined });
  // What has changed between the answer and the subscription, nobody has told.
  useEffect(() => {
    if (id === undefined) return undefined;
    const timer = setTimeout(reload, SUBSCRIBED_MS);
    return () => clearTimeout(timer);
  }, [id, reload]);
  if (!data) return error ? <Failed isView error={error} onRetry={reload} /> : <Loading />;
  if (!app || app.deletedAt) return <NotFound what="app" />;
  if (part !== undefined && !Object.hasOwn(PARTS, part)) return <NotFound what="page" />;
  return <Parts app={app} part={(part as AppPart | undefined) ?? 'overview'} />;
}

function Parts({ app, part }: { app: PageAppStateFragment; part: AppPart | 'overview' }) {
  const { id, subdomain, url, entity, health } = app;
  const shown: Record<AppPart | 'overview', () => ReactNode> = {
    overview: () => <Overview app={app} />,
    deployments: () => <Deployments productionAppId={id} />,
    versions: () => <VersionsPart app={app} />,
    log: () => <RuntimeLog app={app} />,
    environment: () => <EnvironmentPart app={app} />,
    settings: () => <SettingsPart app={app} />,
  };
  return (
    <>
      <PageHead
        name={part === 'overview' ? entity.name : `${entity.name}: ${PARTS[part]}`}
        title={
          <span className={classes['title']}>
            {entity.name} <HealthBadge health={health} />
          </span>
        }
        about={<AppAddress url={url} />}
        actions={<DeployButton app={app} look="primary" />}
      />
      <Tabs
        label={`Parts of ${entity.name}`}
        tabs={[
          { to: paths.app(subdomain), name: 'Overview' },
          ...Object.entries(PARTS).map(([each, name]) => ({ to: paths.app(subdomain, each as AppPart), name })),
        ]}
      />
      {shown[part]()}
    </>
  );
}

function Deployments({ productionAppId }: { productionAppId: string }) {
  const ofOrganization = useOrganizationPath();
  const search = ofOrganization(`${paths.deployments}?app=${productionAppId}`);
  return (
    <Panel title="Deployments" actions={<Link to={search}>Search them</Link>}>
      <DeploymentList filter={{ productionAppId }} empty={<NoDeployments />} />
    </Panel>
  );
}
