import type { PageInvitationFragment } from '../../generated/gql/graphql.ts';

export type InvitationState = 'open' | 'accepted' | 'expired' | 'revoked';

type Dates = Pick<PageInvitationFragment, 'acceptedAt' | 'revokedAt' | 'expiresAt'>;

/** An accepted one stays accepted, and a revoked one revoked, also when its time has come. */
export function invitationState({ acceptedAt, revokedAt, expiresAt }: Dates, now: number): InvitationState {
  if (acceptedAt != null) return 'accepted';
  if (revokedAt != null) return 'revoked';
  return Date.parse(expiresAt) <= now ? 'expired' : 'open';
}
