import { Link, useLocation, useSearch } from 'wouter';
import type { PageDeploymentStateFragment } from '../../generated/gql/graphql.ts';
import { Panel } from '../elements/panel.tsx';
import { PHASE_NAMES } from '../elements/phase-names.ts';
import { phaseLook, StatusIcon } from '../elements/status.tsx';
import { durationText, Elapsed, useNow } from '../elements/time.tsx';
import { EVERY_LINE, logSearch, parseLogQuery, phaseHash } from './log/log-address.ts';
import classes from './timeline.module.css';

type Phase = PageDeploymentStateFragment['phases'][number];

/** The eight phases, each as wide as it took long; what was waited for is hatched before them. */
export function Timeline({ deployment }: { deployment: PageDeploymentStateFragment }) {
  const { phases, createdAt, startedAt, finishedAt } = deployment;
  const now = useNow();
  const waitedMs = lengthOf({ startedAt: createdAt, finishedAt: startedAt ?? finishedAt }, now);
  return (
    <Panel title="Phases">
      <div className={classes['strip']} aria-hidden="true">
        <span className={classes['waited']} style={{ flexGrow: waitedMs }} title={`Waited ${durationText(waitedMs)}`} />
        {phases.map((phase) => {
          const lengthMs = lengthOf(phase, now);
          return (
            <span
              key={phase.name}
              className={`${classes['part']} ${classes[phaseLook(phase).tone]}`}
              style={{ flexGrow: lengthMs }}
              title={`${PHASE_NAMES[phase.name]}, ${durationText(lengthMs)}`}
            />
          );
        })}
      </div>
      <ol className={classes['phases']}>
        {phases.map((phase) => (
          <li key={phase.name} aria-label={PHASE_NAMES[phase.name]}>
            <StatusIcon look={phaseLook(phase)} />
            <div>
              <Title phase={phase} />
              <span className={classes['about']} title={phase.skipReason ?? phase.errorMessage ?? undefined}>
                <About phase={phase} />
              </span>
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

/** Leads to where its lines begin. */
function Title({ phase: { name, startedAt } }: { phase: Phase }) {
  const [path] = useLocation();
  const search = useSearch();
  // What hides the phase now is left out.
  const query = logSearch({ ...parseLogQuery(search), ...EVERY_LINE });
  if (!startedAt) return <strong>{PHASE_NAMES[name]}</strong>;
  return (
    <Link
      to={`${path}${query}${phaseHash(name)}`}
      replace
      className={classes['title']}
      aria-label={`${PHASE_NAMES[name]}: show its log`}
    >
      <strong>{PHASE_NAMES[name]}</strong>
    </Link>
  );
}

function About({ phase }: { phase: Phase }) {
  const { startedAt, finishedAt, skipReason, attempt } = phase;
  if (skipReason) return 'skipped';
  if (!startedAt) return '–';
  return (
    <>
      <Elapsed from={startedAt} to={finishedAt} />
      {attempt > 1 && `, attempt ${attempt}`}
    </>
  );
}

function lengthOf({ startedAt, finishedAt }: Pick<Phase, 'startedAt' | 'finishedAt'>, now: number): number {
  return startedAt ? Math.max(0, (finishedAt ? Date.parse(finishedAt) : now) - Date.parse(startedAt)) : 0;
}
