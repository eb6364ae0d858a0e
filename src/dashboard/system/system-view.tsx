import { CircleCheck, TriangleAlert } from 'lucide-react';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import {
  PageSystemDocument,
  type DatabaseKind,
  type EventBusKind,
  type PageProcessFragment,
  type PageSystemFragment,
} from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Failed, Loading } from '../elements/states.tsx';
import { Badge, PROCESS_LOOK } from '../elements/status.tsx';
import { Table, TwoLines, type Column } from '../elements/table.tsx';
import { Age, Elapsed } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import { problemsOf, rolesText } from './problems.ts';
import classes from './system-view.module.css';

const REFRESH_EVERY_MS = 3_000;

const DATABASES: Record<DatabaseKind, string> = { EMBEDDED: 'Embedded PostgreSQL', POSTGRESQL: 'PostgreSQL' };
const BUSES: Record<EventBusKind, string> = { MEMORY: 'Within each process', REDIS: 'Redis' };

/** How the installation is, now. */
export function SystemView() {
  const { data, error, reload } = useData(PageSystemDocument, {});
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), REFRESH_EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <>
      <PageHead title="System" about={data && <About system={data.system} />} />
      {!data && (error ? <Failed error={error} onRetry={reload} /> : <Loading />)}
      {data && (
        <div className={classes['view']}>
          <Problems system={data.system} />
          <Figures system={data.system} />
          <Panel title="Processes">
            <Table
              caption="Processes"
              columns={columnsOf(data.system.processId)}
              rows={data.system.processes}
              keyOf={({ id }) => id}
            />
          </Panel>
        </div>
      )}
    </>
  );
}

function About({ system: { version, startedAt } }: { system: PageSystemFragment }) {
  return (
    <>
      Windlass {version}, up for <Elapsed from={startedAt} />
    </>
  );
}

function Problems({ system }: { system: PageSystemFragment }) {
  const problems = problemsOf(system);
  if (problems.length === 0) {
    return (
      <p className={classes['fine']}>
        <CircleCheck aria-hidden="true" />
        Everything is as it should be.
      </p>
    );
  }
  return (
    <section className={classes['problems']} aria-label="Problems">
      <TriangleAlert aria-hidden="true" />
      <ul>
        {problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </section>
  );
}

function Figures({ system: { queue, database, eventBus, areBuildsSandboxed } }: { system: PageSystemFragment }) {
  return (
    <dl className={classes['figures']}>
      <Figure name="Waiting" value={queue.waiting}>
        {queue.oldestWaitingSince != null ? (
          <>
            the first for <Elapsed from={queue.oldestWaitingSince} />
          </>
        ) : (
          'deployments'
        )}
      </Figure>
      <Figure name="In progress" value={queue.inProgress}>
        {queue.inProgress === 1 ? 'deployment' : 'deployments'}
      </Figure>
      <Figure name="Database" value={`${database.latencyMs.toFixed(1)} ms`}>
        {DATABASES[database.kind]} {database.version}
      </Figure>
      <Figure name="Event bus" value={eventBus.isConnected ? 'Connected' : 'Away'}>
        {BUSES[eventBus.kind]}
      </Figure>
      <Figure name="Builds" value={areBuildsSandboxed == null ? '–' : areBuildsSandboxed ? 'Isolated' : 'Not isolated'}>
        {areBuildsSandboxed == null ? 'no worker' : 'from the machine'}
      </Figure>
    </dl>
  );
}

function Figure({ name, value, children }: { name: string; value: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <small>{children}</small>
      </dd>
    </div>
  );
}

function columnsOf(processId: string): readonly Column<PageProcessFragment>[] {
  return [
    {
      name: 'Process',
      cell: ({ id, roles }) => (
        <TwoLines
          first={capitalized(rolesText(roles))}
          second={
            <>
              <code>{id}</code>
              {id === processId && ' answers you'}
            </>
          }
        />
      ),
    },
    {
      name: 'State',
      cell: ({ isAlive, lastSeenAt, startedAt }) => (
        <TwoLines
          first={<Badge look={PROCESS_LOOK[isAlive ? 'alive' : 'lost']} />}
          second={
            isAlive ? (
              <>
                for <Elapsed from={startedAt} />
              </>
            ) : (
              <>
                seen <Age at={lastSeenAt} />
              </>
            )
          }
        />
      ),
    },
    { name: 'Does', cell: (process) => <Work process={process} /> },
    { name: 'Builds', isExtra: true, cell: ({ isSandboxed }) => SANDBOX_WORDS[String(isSandboxed ?? null)] },
    {
      name: 'Event bus',
      isExtra: true,
      cell: ({ isEventBusConnected }) => (isEventBusConnected ? 'Connected' : 'Away'),
    },
    { name: 'Version', isExtra: true, cell: ({ version }) => version },
  ];
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const SANDBOX_WORDS: Readonly<Record<string, string>> = { true: 'Isolated', false: 'Not isolated', null: '–' };

/** What is in the hands of a process; deployments that the viewer may not see are counted. */
function Work({ process: { slots, deploymentCount, deployments, releaseCount } }: { process: PageProcessFragment }) {
  if (slots == null && releaseCount == null) return 'Answers';
  return (
    <div className={classes['work']}>
      {slots != null && (
        <span>
          {deploymentCount ?? 0} of {slots} deployments
        </span>
      )}
      {deployments.map(({ id, number, productionApp }) => (
        <Link key={id} to={paths.deployment(id)}>
          {productionApp.subdomain} #{number}
        </Link>
      ))}
      {releaseCount != null && <span>{releaseCount === 1 ? '1 release runs' : `${releaseCount} releases run`}</span>}
    </div>
  );
}
