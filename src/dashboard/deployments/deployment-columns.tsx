import { Link } from 'wouter';
import type { PageDeploymentRowFragment } from '../../generated/gql/graphql.ts';
import { DeploymentBadge, LiveBadge } from '../elements/status.tsx';
import type { Column } from '../elements/table.tsx';
import { Age, Elapsed } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import classes from './deployment-list.module.css';
import { TRIGGER_WORDS } from './filter.ts';

/** What a row says of a deployment. */
export const COLUMNS: readonly Column<PageDeploymentRowFragment>[] = [
  {
    name: 'Deployment',
    cell: ({ id, number, version, productionApp }) => (
      <div className={classes['pair']}>
        <span className={classes['name']}>
          <Link to={paths.deployment(id)}>
            {productionApp.subdomain} #{number}
          </Link>
          {/* Of the app, because what was live before is not told of the switch. */}
          {productionApp.liveDeployment?.id === id && <LiveBadge />}
        </span>
        <small>{version.version}</small>
      </div>
    ),
  },
  {
    name: 'Status',
    cell: ({ status, queuePosition }) => (
      <div className={classes['pair']}>
        <DeploymentBadge status={status} />
        {queuePosition != null && <small>place {queuePosition} in the queue</small>}
      </div>
    ),
  },
  {
    name: 'Who and why',
    isExtra: true,
    cell: ({ triggeredBy, trigger, reason }) => (
      <div className={classes['pair']}>
        <span>{triggeredBy?.name ?? 'Windlass'}</span>
        <small>
          {TRIGGER_WORDS[trigger]}
          {reason && `: ${reason}`}
        </small>
      </div>
    ),
  },
  {
    name: 'Waited',
    isExtra: true,
    align: 'end',
    cell: ({ createdAt, startedAt, finishedAt }) => <Elapsed from={createdAt} to={startedAt ?? finishedAt} />,
  },
  {
    name: 'Took',
    align: 'end',
    cell: ({ startedAt, finishedAt }) => (startedAt ? <Elapsed from={startedAt} to={finishedAt} /> : '–'),
  },
  { name: 'When', align: 'end', isExtra: true, cell: ({ createdAt }) => <Age at={createdAt} /> },
];
