import { useEffect } from 'react';
import {
  PageActivateDocument,
  PageVersionsDocument,
  type PageAppStateFragment,
  type PageVersionRowFragment,
} from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Command } from '../elements/command.tsx';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { Panel } from '../elements/panel.tsx';
import { sizeText } from '../elements/size.ts';
import { Empty, Failed, Loading, Refusal } from '../elements/states.tsx';
import { ActiveBadge, LiveBadge } from '../elements/status.tsx';
import { Table, type Column } from '../elements/table.tsx';
import { Age } from '../elements/time.tsx';
import { DeployButton } from './deploy-button.tsx';
import { useMayPublish } from './permission.ts';
import classes from './versions-part.module.css';

/** What was pushed, newest first: which one is deployed by default, and which one serves. */
export function VersionsPart({ app }: { app: PageAppStateFragment }) {
  const { run, isRunning, error } = useAction(PageActivateDocument);
  const activate = (versionId: string) => void run({ input: { versionId } });
  return (
    <Panel title="Versions">
      {error && (
        <div className={classes['refused']}>
          <Refusal error={error} />
        </div>
      )}
      <Pages page={VersionsPage} props={{ app, activate, isRunning }} />
    </Panel>
  );
}

interface Activation {
  app: PageAppStateFragment;
  activate: (versionId: string) => void;
  isRunning: boolean;
}

function VersionsPage({ app, activate, isRunning, after, more }: PageOfList & Activation) {
  const { entity, deployments } = app;
  const columns = useColumns({ app, activate, isRunning });
  const { data, error, reload } = useData(PageVersionsDocument, { entityId: entity.id, after });
  const nodes = data?.entity?.versions.nodes;
  // Nothing tells of a push; but what is deployed or activated is told, and may be newer than the list.
  const latest = [entity.activeVersion?.id, deployments.nodes[0]?.version.id].filter((id) => id !== undefined);
  const isOld = nodes !== undefined && after === null && latest.some((id) => nodes.every((node) => node.id !== id));
  useEffect(() => {
    if (isOld) reload();
  }, [isOld, reload]);
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  if (!nodes || !data.entity) return null;
  if (nodes.length === 0 && after === null) {
    return (
      <Empty title="No version yet">
        <p>In the folder of your project:</p>
        <Command text="windlass push" />
      </Empty>
    );
  }
  return (
    <>
      <Table caption="Versions" columns={columns} rows={nodes} keyOf={({ id }) => id} />
      {more(data.entity.versions.pageInfo)}
    </>
  );
}

function useColumns({ app, activate, isRunning }: Activation): readonly Column<PageVersionRowFragment>[] {
  const { entity, liveDeployment } = app;
  const mayActivate = useMayPublish(entity, 'ENTITIES_PUBLISH');
  const mayDeploy = useMayPublish(entity, 'ENTITIES_DEPLOY');
  const columns: readonly Column<PageVersionRowFragment>[] = [
    {
      name: 'Version',
      cell: ({ id, version, packageSha256 }) => (
        <span className={classes['version']} title={`SHA-256 ${packageSha256}`}>
          <strong>{version}</strong>
          {id === liveDeployment?.version.id && <LiveBadge />}
          {id === entity.activeVersion?.id && <ActiveBadge />}
        </span>
      ),
    },
    { name: 'Pushed', isExtra: true, cell: ({ createdAt }) => <Age at={createdAt} /> },
    { name: 'By', isExtra: true, cell: ({ createdBy }) => createdBy?.name ?? 'Windlass' },
    { name: 'Size', isExtra: true, align: 'end', cell: ({ packageBytes }) => sizeText(packageBytes) },
  ];
  const actions: Column<PageVersionRowFragment> = {
    name: 'Actions',
    align: 'end',
    cell: (version) => (
      <span className={classes['actions']}>
        {mayActivate && version.id !== entity.activeVersion?.id && (
          <Button
            look="quiet"
            disabled={isRunning}
            aria-label={`Activate ${version.version}`}
            onClick={() => activate(version.id)}
          >
            Activate
          </Button>
        )}
        <DeployButton app={app} version={version} label={`Deploy ${version.version}`} />
      </span>
    ),
  };
  return mayActivate || mayDeploy ? [...columns, actions] : columns;
}
