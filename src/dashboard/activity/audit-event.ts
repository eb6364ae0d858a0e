import type { PageAuditEventFragment } from '../../generated/gql/graphql.ts';
import { paths } from '../routes.ts';

type Event = PageAuditEventFragment;

export interface Subject {
  readonly text: string;
  /** The page about it, if there is one. */
  readonly to: string | null;
}

/** What something was done to, by its name where that is known. Null for nothing in particular. */
export function subjectOf({
  subject,
  subjectId,
  details,
}: Pick<Event, 'subject' | 'subjectId' | 'details'>): Subject | null {
  switch (subject?.__typename) {
    case 'Deployment':
      return { text: `${subject.productionApp.subdomain} #${subject.number}`, to: paths.deployment(subject.id) };
    case 'ProductionApp':
      return { text: subject.subdomain, to: subject.deletedAt == null ? paths.app(subject.subdomain) : null };
    case 'Version':
      return { text: `${subject.entity.name} ${subject.version}`, to: null };
    case 'Entity':
    case 'Organization':
    case 'User':
      return { text: subject.name, to: null };
    case undefined:
      break;
  }
  return subjectId == null ? null : { text: nameIn(details) ?? subjectId, to: null };
}

/** What is no object by itself, such as a role or a token, or is gone, was named in words when it was done. */
function nameIn(details: string): string | undefined {
  const { name, email, role } = JSON.parse(details) as Record<string, unknown>;
  return [name, email, role].find((text) => typeof text === 'string');
}

interface Details {
  /** Why it was refused, in words. */
  readonly reason: string | null;
  /** Everything, to be read. Null when there is nothing. */
  readonly text: string | null;
}

export function detailsOf({ details, outcome }: Pick<Event, 'details' | 'outcome'>): Details {
  const facts = JSON.parse(details) as Record<string, unknown>;
  const reason = outcome === 'REFUSED' && typeof facts['reason'] === 'string' ? facts['reason'] : null;
  return { reason, text: Object.keys(facts).length === 0 ? null : JSON.stringify(facts, null, 2) };
}
