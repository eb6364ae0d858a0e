import { Link } from 'wouter';
import type { PageDeploymentBarFragment } from '../../generated/gql/graphql.ts';
import { deploymentLook } from '../elements/status.tsx';
import { durationText } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import classes from './deployment-bars.module.css';

const HEIGHT_PX = 32;
const HEIGHT_PX_MIN = 7;

/** The last deployments, the newest at the right, each as high as it took long beside the others. */
export function DeploymentBars({ deployments }: { deployments: readonly PageDeploymentBarFragment[] }) {
  const longest = Math.max(1, ...deployments.map(({ durationMs }) => durationMs ?? 0));
  return (
    <ol className={classes['bars']} aria-label="Last deployments, oldest first">
      {deployments.toReversed().map(({ id, number, status, durationMs }) => {
        const { word, tone } = deploymentLook(status);
        const about = `Deployment ${number}: ${word.toLowerCase()}${durationMs == null ? '' : ` after ${durationText(durationMs)}`}`;
        return (
          <li key={id}>
            <Link to={paths.deployment(id)} title={about} aria-label={about} className={classes['link']}>
              <span
                className={`${classes['bar']} ${classes[tone]}`}
                style={{ height: Math.max(HEIGHT_PX_MIN, (HEIGHT_PX * (durationMs ?? 0)) / longest) }}
              />
            </Link>
          </li>
        );
      })}
    </ol>
  );
}
