import { Ban, TriangleAlert } from 'lucide-react';
import { Link } from 'wouter';
import { findFirstError } from '../../client/first-error.ts';
import { PageFailureLinesDocument, type PageDeploymentStateFragment } from '../../generated/gql/graphql.ts';
import { useData } from '../api/hooks.ts';
import { plainText } from '../elements/ansi-pieces.ts';
import { paths } from '../routes.ts';
import { rangeHash, type LineRange } from './log/log-address.ts';
import { PHASE_NAMES } from '../elements/phase-names.ts';
import { WithCode } from '../elements/with-code.tsx';
import { stillServing } from './serving.ts';
import classes from './failure-banner.module.css';

/** What went wrong, what to do about it, where the log shows it, and what serves meanwhile. */
export function FailureBanner({ deployment }: { deployment: PageDeploymentStateFragment }) {
  const { failure } = deployment;
  if (!failure) return null;
  return <Banner deployment={deployment} failure={failure} />;
}

type Failure = NonNullable<PageDeploymentStateFragment['failure']>;

function Banner({ deployment, failure }: { deployment: PageDeploymentStateFragment; failure: Failure }) {
  const { id, status, productionApp } = deployment;
  const isCancelled = status === 'CANCELLED';
  const { phase, code, message, hint } = failure;
  const error = useFirstError(id, failure);
  const shown = placeOf(failure, error?.seq ?? null);
  return (
    <section
      className={`${classes['banner']} ${isCancelled ? classes['cancelled'] : ''}`}
      aria-label={isCancelled ? 'Cancellation' : 'Failure'}
    >
      {isCancelled ? <Ban aria-hidden="true" /> : <TriangleAlert aria-hidden="true" />}
      <div>
        <h2>
          <WithCode text={message} /> {!isCancelled && <code>{code}</code>}
        </h2>
        {hint && (
          <p>
            <WithCode text={hint} />
          </p>
        )}
        {error && <pre className={classes['error']}>{plainText(error.message)}</pre>}
        <p className={classes['more']}>
          {shown && (
            <Link to={`${paths.deployment(id)}${rangeHash(shown)}`} replace>
              Show it in the log{phase && ` of ${PHASE_NAMES[phase]}`}
            </Link>
          )}
          <span>{stillServing(productionApp.liveDeployment)}</span>
        </p>
      </div>
    </section>
  );
}

/** The line that shows first what went wrong. Null until it is read, and where no output shows it. */
function useFirstError(id: string, failure: Failure) {
  const { firstSeq, lastSeq } = failure;
  const isShown = firstSeq != null;
  const after = String((firstSeq ?? 1) - 1);
  const before = String((lastSeq ?? firstSeq ?? 0) + 1);
  const { data } = useData(PageFailureLinesDocument, { id, after, before }, { pause: !isShown });
  const error = isShown && findFirstError(data?.deployment?.logs.nodes ?? [], failure);
  // What Windlass itself says is in the message already.
  return error && error.stream !== 'SYSTEM' ? error : null;
}

/** That line, or all those that the failure names. */
function placeOf({ firstSeq, lastSeq }: Failure, errorSeq: number | null): LineRange | null {
  if (errorSeq !== null) return { first: errorSeq, last: errorSeq };
  return firstSeq == null ? null : { first: firstSeq, last: lastSeq ?? firstSeq };
}
