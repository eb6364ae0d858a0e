import type { AuditFilter } from '../../generated/gql/graphql.ts';

/** The filters of the view, as they stand in the URL. */
const FILTERS = ['action', 'actor', 'outcome', 'subject', 'from', 'to'] as const;
export type FilterName = (typeof FILTERS)[number];

const OUTCOMES = ['DONE', 'REFUSED'] as const;
const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;

/** What the API is asked for. What is not understood filters nothing. */
export function auditFilterOf(search: URLSearchParams): AuditFilter {
  const action = search.get('action');
  const from = dayOf(search.get('from'));
  const to = dayOf(search.get('to'));
  return {
    action: action ? [action] : undefined,
    actorId: search.get('actor') || undefined,
    outcome: OUTCOMES.find((outcome) => outcome === search.get('outcome')),
    subjectId: search.get('subject') || undefined,
    // The API leaves out both ends: the first and the last moment of a day are in.
    after: from && new Date(startOf(from, 0) - 1).toISOString(),
    before: to && new Date(startOf(to, 1)).toISOString(),
  };
}

export function hasFilters(search: URLSearchParams): boolean {
  return FILTERS.some((name) => search.get(name));
}

/** The same search with another value, or without it. */
export function withFilter(search: URLSearchParams, name: FilterName, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value) next.set(name, value);
  else next.delete(name);
  return next;
}

export function withoutFilters(search: URLSearchParams): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const name of FILTERS) next.delete(name);
  return next;
}

type Day = readonly [year: number, month: number, day: number];

function dayOf(text: string | null): Day | undefined {
  const [, year, month, day] = DAY.exec(text ?? '')?.map(Number) ?? [];
  const parts = [year!, month! - 1, day!] as const;
  return year === undefined || Number.isNaN(startOf(parts, 0)) ? undefined : parts;
}

/** When a day, or one some days later, begins where the page is read: not all days have 24 hours. */
function startOf([year, month, day]: Day, daysLater: number): number {
  return new Date(year, month, day + daysLater).getTime();
}
