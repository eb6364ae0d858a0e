import { useEffect, useRef } from 'react';
import { PageAppsChangedDocument, PageAppsDocument } from '../../generated/gql/graphql.ts';
import { useChanges, useData } from '../api/hooks.ts';
import { Command } from '../elements/command.tsx';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Empty, Failed, Loading } from '../elements/states.tsx';
import { OrganizationChoice, useOrganization } from '../session/organization.tsx';
import { AppCard } from './app-card.tsx';
import classes from './apps-view.module.css';

/** What runs, since when, and how it is. */
export function AppsView() {
  const organizationId = useOrganization()?.id;
  return (
    <>
      <PageHead title="Apps" actions={<OrganizationChoice />} />
      {organizationId ? (
        <Apps key={organizationId} organizationId={organizationId} />
      ) : (
        <Empty title="No organization">You belong to none. Somebody who does can invite you.</Empty>
      )}
    </>
  );
}

function Apps({ organizationId }: { organizationId: string }) {
  const known = useRef(new Set<string>());
  return <Pages page={AppsPage} props={{ organizationId, known: known.current }} />;
}

interface AppsPageProps extends PageOfList {
  organizationId: string;
  /** The apps of all pages. */
  known: Set<string>;
}

function AppsPage({ organizationId, known, after, more }: AppsPageProps) {
  const { data, error, reload } = useData(PageAppsDocument, { organizationId, after });
  const nodes = data?.productionApps.nodes;
  useEffect(() => {
    for (const { id } of nodes ?? []) known.add(id);
  }, [known, nodes]);
  useChanges(
    PageAppsChangedDocument,
    { organizationId },
    {
      // What it tells of is changed in each page; only a new app is not in any.
      pause: after !== null,
      onData({ deploymentsChanged: { productionApp } }) {
        if (!known.has(productionApp.id) && !productionApp.deletedAt) reload();
      },
    },
  );
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  const apps = data.productionApps.nodes
    .filter(({ deletedAt }) => !deletedAt)
    .toSorted((one, other) => one.entity.name.localeCompare(other.entity.name));
  if (apps.length === 0 && after === null) return <NoApps />;
  return (
    <>
      <ul className={classes['apps']}>
        {apps.map((app) => (
          <li key={app.id}>
            <AppCard app={app} />
          </li>
        ))}
      </ul>
      {more(data.productionApps.pageInfo)}
    </>
  );
}

function NoApps() {
  return (
    <Panel>
      <Empty title="No app yet">
        <p>In the folder of your project:</p>
        <Command text={`windlass login --url ${location.origin}`} />
        <Command text="windlass init && windlass deploy" />
      </Empty>
    </Panel>
  );
}
