import { DEPLOYMENT_STATUSES, mayChange, mayPhaseChange, PHASE_STATUSES, PHASES } from '../domain/deployment.ts';
import type pg from 'pg';
import type { Violation } from './violation.ts';

interface Rule {
  readonly rule: string;
  /** Answers the `subject` and a `message` of each violation. */
  readonly sql: string;
  readonly remedy: string;
}

const REPORT = 'The rows were changed by hand, or Windlass has a fault: keep a copy of the database and report it.';
const WAIT =
  'A worker or host agent mends this within a minute. If it stays, look whether they run, and at their logs.';

const pairs = <S extends string>(statuses: readonly S[], may: (from: S, to: S) => boolean) =>
  statuses.flatMap((from) => statuses.filter((to) => may(from, to)).map((to) => `('${from}', '${to}')`)).join(', ');

/** What holds of the rows at any moment, in one statement each. */
const RULES: readonly Rule[] = [
  {
    rule: 'eight-phases',
    sql: `select d.id as subject, 'has ' || count(p.name) || ' phases, not eight' as message
      from deployments d left join deployment_phases p on p.deployment_id = d.id
      group by d.id having count(p.name) <> ${PHASES.length}`,
    remedy: REPORT,
  },
  {
    rule: 'status-transitions',
    sql: `select deployment_id as subject, 'went from ' || before || ' to ' || status as message
      from (select deployment_id, status::text, lag(status::text) over (partition by deployment_id order by seq) as before
        from deployment_events where status is not null and type in ('created', 'status')) e
      where before is not null
        and (before, status) not in (${pairs(DEPLOYMENT_STATUSES, mayChange)})`,
    remedy: REPORT,
  },
  {
    rule: 'phase-transitions',
    sql: `select deployment_id as subject, 'its phase ' || phase || ' went from ' || before || ' to ' || status as message
      from (select deployment_id, phase, phase_status::text as status,
          coalesce(lag(phase_status::text) over (partition by deployment_id, phase order by seq), 'pending') as before
        from deployment_events where type = 'phase') e
      where before <> status and (before, status) not in (${pairs(PHASE_STATUSES, mayPhaseChange)})`,
    remedy: REPORT,
  },
  {
    rule: 'status-is-its-last-event',
    sql: `select d.id as subject, 'is ' || d.status || ', and its last event says ' || e.status as message
      from deployments d join lateral (
        select status from deployment_events
        where deployment_id = d.id and status is not null and type in ('created', 'status') order by seq desc limit 1
      ) e on true
      where e.status <> d.status`,
    remedy: REPORT,
  },
  {
    rule: 'phases-fit-status',
    sql: `select d.id as subject, 'is ' || d.status || ' with phases ' || string_agg(distinct p.status::text, ', ') as message
      from deployments d join deployment_phases p on p.deployment_id = d.id
      group by d.id
      having (d.status = 'completed' and bool_or(p.status <> 'completed'))
        or (d.status = 'pending' and bool_or(p.status <> 'pending'))
        or (d.status in ('failed', 'cancelled') and bool_or(p.status = 'in_progress'))
        or count(*) filter (where p.status = 'in_progress') > 1`,
    remedy: REPORT,
  },
  {
    rule: 'one-in-progress',
    sql: `select production_app_id as subject, count(*) || ' deployments are in progress' as message
      from deployments where status = 'in_progress' group by production_app_id having count(*) > 1`,
    remedy: REPORT,
  },
  {
    rule: 'gapless-log',
    sql: `select d.id as subject,
        count(l.seq) || ' lines, numbered ' || coalesce(min(l.seq), 0) || ' to ' || coalesce(max(l.seq), 0)
          || ', and the last number is ' || d.last_seq as message
      from deployments d left join log_lines l on l.deployment_id = d.id
      group by d.id
      having count(l.seq) <> d.last_seq or coalesce(max(l.seq), 0) <> d.last_seq`,
    remedy: REPORT,
  },
  {
    rule: 'completed-serves',
    sql: `select a.id as subject, case when live.id is null then 'nothing is live, and deployment ' || newest.id || ' completed'
          else 'release ' || live.id || ' of the ' || owner.status || ' deployment ' || owner.id || ' is live'
          end as message
      from production_apps a
        left join releases live on live.id = a.live_release_id
        left join deployments owner on owner.id = live.deployment_id
        left join lateral (
          select id from deployments where production_app_id = a.id and status = 'completed' order by number desc limit 1
        ) newest on true
      where case when a.deleted_at is not null then live.id is not null
        else owner.id is distinct from newest.id and owner.status is distinct from 'in_progress' end`,
    remedy: REPORT,
  },
  {
    rule: 'live-release-of-app',
    sql: `select a.id as subject, 'its live release ' || r.id || ' belongs to another app, or is to be stopped' as message
      from production_apps a join releases r on r.id = a.live_release_id
      where r.production_app_id <> a.id or r.wanted <> 'running'`,
    remedy: REPORT,
  },
  {
    rule: 'ownerless-release',
    sql: `select r.id as subject, 'is to run, is not live, and its deployment has ' || d.status as message
      from releases r join deployments d on d.id = r.deployment_id join production_apps a on a.id = r.production_app_id
      where r.wanted = 'running' and a.live_release_id is distinct from r.id
        and d.status in ('completed', 'failed', 'cancelled')
        and not exists (select from deployments o where o.production_app_id = a.id and o.status = 'in_progress')`,
    remedy: WAIT,
  },
  {
    rule: 'live-release-runs',
    sql: `select r.id as subject, 'is live and is ' || r.observed
          || case when r.routed_at is null then ', and no gateway says that it has its traffic' else '' end as message
      from releases r join production_apps a on a.live_release_id = r.id
        join deployments d on d.id = r.deployment_id
      where d.status = 'completed' and (r.observed <> 'healthy' or r.routed_at is null)`,
    remedy: 'Look whether the host agent runs, and what the app printed: productionApp.runtimeLogs.',
  },
  {
    rule: 'one-port-each',
    sql: `select port::text as subject, 'belongs to the releases ' || string_agg(id, ', ') as message
      from releases where port is not null and observed in ('starting', 'healthy')
      group by host_id, port having count(*) > 1`,
    remedy: REPORT,
  },
  {
    rule: 'open-work-has-ticket',
    sql: `select distinct d.production_app_id as subject, 'has open work and no ticket in the queue' as message
      from deployments d
      where d.status in ('pending', 'in_progress') and not exists (
        select from pgboss.job where name = 'deploy' and singleton_key = d.production_app_id
          and state in ('created', 'retry', 'active'))`,
    remedy: WAIT,
  },
  {
    rule: 'worker-lives',
    sql: `select d.id as subject, 'is in progress, and its worker has given no sign for '
          || round(extract(epoch from clock_timestamp() - j.heartbeat_on)) || ' s' as message
      from deployments d join pgboss.job j on j.name = 'deploy' and j.singleton_key = d.production_app_id
      where d.status = 'in_progress' and j.state = 'active' and j.heartbeat_on < clock_timestamp() - interval '30 seconds'`,
    remedy: 'Start a worker: it takes over.',
  },
];

export async function checkRows(pool: pg.Pool): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { rule, sql, remedy } of RULES) {
    const { rows } = await pool.query<{ subject: string; message: string }>(sql);
    violations.push(...rows.map(({ subject, message }) => ({ rule, subject, message, remedy })));
  }
  return violations;
}
