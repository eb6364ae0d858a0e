import type { PageTokenFragment } from '../../generated/gql/graphql.ts';
import { scopesText } from '../elements/scopes.ts';

export type TokenState = 'active' | 'expired' | 'revoked';

/** A revoked one stays revoked, also when its time has come. */
export function tokenState({ expiresAt, revokedAt }: Dates, now: number): TokenState {
  if (revokedAt != null) return 'revoked';
  return expiresAt != null && Date.parse(expiresAt) <= now ? 'expired' : 'active';
}

type Dates = Pick<PageTokenFragment, 'expiresAt' | 'revokedAt'>;
type Limits = Pick<PageTokenFragment, 'scopes' | 'productionAppIds'>;

/** Whoever signed in elsewhere, or with a token for less, makes no tokens. */
export function mayMakeTokens(current: Limits | null | undefined): boolean {
  return current != null && current.scopes == null && current.productionAppIds == null;
}

/** What a token allows: `Deploy, Publish · shop, blog`. Apps that may not be seen are counted. */
export function allowanceText({
  scopes,
  productionAppIds,
  productionApps,
}: Limits & Pick<PageTokenFragment, 'productionApps'>): string {
  const allowed = scopes == null ? 'Everything you may' : scopesText(scopes);
  if (productionAppIds == null) return allowed;
  const names = (productionApps ?? []).map(({ subdomain }) => subdomain);
  const unseen = productionAppIds.length - names.length;
  return `${allowed} · ${[...names, ...(unseen > 0 ? [`${unseen} more`] : [])].join(', ')}`;
}

/** In days. A year is one short of what the server allows at most: its clock may be another. */
export const LIFETIMES = [
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['180', '180 days'],
  ['365', 'A year'],
] as const;

const DAY_MS = 24 * 60 * 60 * 1_000;

export function expiryAfter(days: number, now: number): string {
  return new Date(now + days * DAY_MS).toISOString();
}
