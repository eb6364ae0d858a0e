import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import {
  PageDeploymentsChangedDocument,
  PageDeploymentsDocument,
  type DeploymentFilter,
} from '../../generated/gql/graphql.ts';
import { useChanges, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { Failed, Loading } from '../elements/states.tsx';
import { Table } from '../elements/table.tsx';
import { COLUMNS } from './deployment-columns.tsx';
import classes from './deployment-list.module.css';
import { fits } from './filter.ts';

interface DeploymentListProps {
  /** Names an organization or an app. */
  filter: DeploymentFilter;
  /** What stands where there is none. */
  empty: ReactNode;
}

/**
 * What fits, newest first. What is new meanwhile is told, and shown when it is asked for: nothing moves under a finger.
 * Give it a `key` of the filter.
 */
export function DeploymentList({ filter, empty }: DeploymentListProps) {
  const shown = useRef(new Set<string>());
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const [round, setRound] = useState(0);
  const { organizationId, productionAppId } = filter;
  useChanges(
    PageDeploymentsChangedDocument,
    { organizationId, productionAppId },
    {
      onData({ deploymentsChanged: deployment }) {
        if (shown.current.has(deployment.id)) return;
        // What fits no more, such as one that waits no more, is not there to be shown.
        setFresh((before) => withMembership(before, deployment.id, fits(filter, deployment)));
      },
    },
  );
  const noteShown = useCallback((ids: readonly string[]) => {
    for (const id of ids) shown.current.add(id);
    setFresh((before) =>
      ids.some((id) => before.has(id)) ? new Set([...before].filter((id) => !ids.includes(id))) : before,
    );
  }, []);
  return (
    <>
      <div role="status" className={classes['fresh']}>
        {fresh.size > 0 && (
          <Button look="quiet" onClick={() => setRound(round + 1)}>
            Show {fresh.size} new
          </Button>
        )}
      </div>
      <Pages key={round} page={DeploymentPage} props={{ filter, empty, onShown: noteShown }} />
    </>
  );
}

function withMembership(ids: ReadonlySet<string>, id: string, isMember: boolean): ReadonlySet<string> {
  if (ids.has(id) === isMember) return ids;
  return isMember ? new Set([...ids, id]) : new Set([...ids].filter((each) => each !== id));
}

interface DeploymentPageProps extends PageOfList, DeploymentListProps {
  onShown: (ids: readonly string[]) => void;
}

function DeploymentPage({ filter, empty, after, onShown, more }: DeploymentPageProps) {
  const { data, error, reload } = useData(PageDeploymentsDocument, { filter, after });
  const nodes = data?.deployments.nodes;
  useEffect(() => {
    if (nodes) onShown(nodes.map(({ id }) => id));
  }, [nodes, onShown]);
  if (!data || !nodes) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  if (nodes.length === 0 && after === null) return empty;
  return (
    <>
      <Table caption="Deployments" columns={COLUMNS} rows={nodes} keyOf={({ id }) => id} />
      {more(data.deployments.pageInfo)}
    </>
  );
}
