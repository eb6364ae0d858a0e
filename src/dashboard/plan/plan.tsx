import { Minus, Play, Recycle, type LucideIcon } from 'lucide-react';
import { PagePlanDocument, type PagePlanQueryVariables, type PlanAction } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { PHASE_NAMES } from '../elements/phase-names.ts';
import { Loading, Refusal } from '../elements/states.tsx';
import classes from './plan.module.css';

interface Look {
  readonly word: string;
  readonly icon: LucideIcon;
}

const LOOKS: Record<PlanAction, Look> = {
  RUN: { word: 'Runs', icon: Play },
  REUSE: { word: 'Reused', icon: Recycle },
  SKIP: { word: 'Skipped', icon: Minus },
};

/** What a deployment would do, phase by phase, before it is asked for. */
export function Plan({ of }: { of: PagePlanQueryVariables }) {
  const { data, error } = useData(PagePlanDocument, of);
  return (
    <section className={classes['plan']} aria-label="What will happen">
      <h3>What will happen</h3>
      {error && <Refusal error={error} />}
      {!data && !error && <Loading lines={4} />}
      <ol className={classes['phases']}>
        {data?.deploymentPlan.phases.map(({ name, action, reason }) => {
          const { word, icon: Icon } = LOOKS[action];
          return (
            <li key={name} className={classes[action.toLowerCase()]}>
              <Icon aria-hidden="true" />
              <strong>{PHASE_NAMES[name]}</strong>
              <span className={classes['action']}>{word}</span>
              <span className={classes['reason']}>{reason}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
