import type { DeploymentFilter, DeploymentStatus, DeploymentTrigger } from '../../generated/gql/graphql.ts';

export const STATUSES = [
  'PENDING',
  'IN_PROGRESS',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
] as const satisfies readonly DeploymentStatus[];

export const TRIGGER_WORDS: Record<DeploymentTrigger, string> = {
  MANUAL: 'Manual',
  RETRY: 'Retry',
  REDEPLOY: 'Redeploy',
  ROLLBACK: 'Rollback',
  AUTOMATIC: 'Automatic',
};

/** What can be chosen, by its name in the URL. */
export const CHOICES = ['status', 'app', 'who', 'trigger', 'from', 'to'] as const;
export type Choice = (typeof CHOICES)[number];

/** What the URL chooses. What it says amiss is left out: an old link shows too much rather than nothing. */
export function choicesIn(search: URLSearchParams): Partial<Record<Choice, string>> {
  const isFine: Record<Choice, (text: string) => boolean> = {
    status: (text) => STATUSES.some((status) => status === text),
    app: (text) => text !== '',
    who: (text) => text !== '',
    trigger: (text) => Object.hasOwn(TRIGGER_WORDS, text),
    from: (text) => dayOf(text) !== null,
    to: (text) => dayOf(text) !== null,
  };
  const given = CHOICES.map((choice) => [choice, search.get(choice) ?? ''] as const);
  return Object.fromEntries(given.filter(([choice, text]) => isFine[choice](text)));
}

/** The URL with another choice, or without one. What else it says stays. */
export function withChoices(search: URLSearchParams, chosen: Partial<Record<Choice, string>>): URLSearchParams {
  const next = new URLSearchParams(search);
  for (const [choice, text] of Object.entries(chosen)) {
    if (text) next.set(choice, text);
    else next.delete(choice);
  }
  return next;
}

/** The days are those of the viewer's clock, and both are meant whole. */
export function filterOf({ status, app, who, trigger, from, to }: Partial<Record<Choice, string>>): DeploymentFilter {
  const first = from === undefined ? null : dayOf(from);
  const last = to === undefined ? null : dayOf(to);
  return {
    ...(status && { status: [status as DeploymentStatus] }),
    ...(app && { productionAppId: app }),
    ...(who && { triggeredById: who }),
    ...(trigger && { trigger: [trigger as DeploymentTrigger] }),
    // Later than the last moment of the day before.
    ...(first && { createdAfter: new Date(first.getTime() - 1).toISOString() }),
    ...(last && {
      createdBefore: new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1).toISOString(),
    }),
  };
}

interface Row {
  readonly status: DeploymentStatus;
  readonly trigger: DeploymentTrigger;
  readonly createdAt: string;
  readonly triggeredBy?: { readonly userId: string } | null;
  readonly productionApp: { readonly id: string };
}

/** Whether a deployment is one of those that a filter asks for. Of which organization it is must be known before. */
export function fits(
  filter: DeploymentFilter,
  { status, trigger, createdAt, triggeredBy, productionApp }: Row,
): boolean {
  const at = Date.parse(createdAt);
  return (
    (filter.status?.includes(status) ?? true) &&
    (filter.trigger?.includes(trigger) ?? true) &&
    (filter.productionAppId == null || filter.productionAppId === productionApp.id) &&
    (filter.triggeredById == null || filter.triggeredById === triggeredBy?.userId) &&
    (filter.createdAfter == null || at > Date.parse(filter.createdAfter)) &&
    (filter.createdBefore == null || at < Date.parse(filter.createdBefore))
  );
}

/** Midnight at the begin of a day such as `2026-11-30`, by the viewer's clock. Null for what is no day. */
function dayOf(text: string): Date | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return null;
  const day = new Date(Number(year), Number(month) - 1, Number(date));
  return day.getMonth() === Number(month) - 1 && day.getDate() === Number(date) ? day : null;
}
