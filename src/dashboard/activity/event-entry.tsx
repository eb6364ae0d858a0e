import { useId, useState, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { PageAuditEventFragment } from '../../generated/gql/graphql.ts';
import { Button } from '../elements/button.tsx';
import { Badge, OUTCOME_LOOK, StatusIcon } from '../elements/status.tsx';
import { Age } from '../elements/time.tsx';
import { paths } from '../routes.ts';
import { actionText } from './action-words.ts';
import { withFilter, type FilterName } from './activity-filter.ts';
import classes from './activity-view.module.css';
import { detailsOf, subjectOf } from './audit-event.ts';

/** One event in two lines; what else is known of it is folded. */
export function EventEntry({ event }: { event: PageAuditEventFragment }) {
  const { action, outcome, actor, at, seq } = event;
  const [isOpen, setIsOpen] = useState(false);
  const id = useId();
  const subject = subjectOf(event);
  const { reason } = detailsOf(event);
  return (
    <li className={classes['event']}>
      <StatusIcon look={OUTCOME_LOOK[outcome]} />
      <div>
        <p className={classes['line']}>
          <strong>{actionText(action)}</strong>
          {subject && (subject.to === null ? <span>{subject.text}</span> : <Link to={subject.to}>{subject.text}</Link>)}
          {outcome === 'REFUSED' && <Badge look={OUTCOME_LOOK.REFUSED} />}
        </p>
        <p className={classes['quiet']}>
          {actor?.name ?? 'Windlass'}, <Age at={at} />
        </p>
        {reason !== null && <p className={classes['reason']}>{reason}</p>}
      </div>
      <Button
        look="quiet"
        aria-label={`Details of number ${seq}`}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setIsOpen(!isOpen)}
      >
        Details
      </Button>
      <div id={id} className={classes['more']} hidden={!isOpen}>
        {isOpen && <Details event={event} />}
      </div>
    </li>
  );
}

function Details({ event }: { event: PageAuditEventFragment }) {
  const { seq, at, action, actor, tokenId, address, requestId, subjectId } = event;
  const { text } = detailsOf(event);
  return (
    <>
      <dl className={classes['facts']}>
        <Fact name="Number">{seq}</Fact>
        <Fact name="When">{at}</Fact>
        <Fact name="Action">
          <Only name="action" value={action} />
        </Fact>
        <Fact name="Who">{actor ? <Only name="actor" value={actor.userId} /> : 'Windlass itself'}</Fact>
        <Fact name="To what">{subjectId != null && <Only name="subject" value={subjectId} />}</Fact>
        <Fact name="Token">{tokenId}</Fact>
        <Fact name="Address">{address}</Fact>
        <Fact name="Request">{requestId}</Fact>
      </dl>
      {text !== null && (
        <pre tabIndex={0} role="group" aria-label="What else is known, as JSON">
          {text}
        </pre>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children || '–'}</dd>
    </div>
  );
}

/** A value that leads to all events with it. */
function Only({ name, value }: { name: FilterName; value: string }) {
  const [search] = useSearchParams();
  return (
    <Link to={`${paths.activity}?${withFilter(search, name, value).toString()}`} title="Show only these">
      {value}
    </Link>
  );
}
