import { useCallback, useEffect, useState } from 'react';
import { ApiError, type ApiClient } from '../../client/api.ts';
import {
  PageInvitationOfferDocument,
  PageViewerDocument,
  type PageInvitationOfferQuery,
  type PageViewerQuery,
} from '../../generated/gql/graphql.ts';

export interface Offered {
  /** Null for a link that cannot be used. */
  readonly offer: PageInvitationOfferQuery['invitationOffer'];
  /** Who is signed in. Null: nobody. */
  readonly user: PageViewerQuery['viewer']['user'] | null;
}

export interface LoadedOffer {
  readonly offered: Offered | null;
  readonly error: ApiError | null;
  reload(): void;
}

/** Reads what a link is for, and who would accept it. */
export function useOffer(api: ApiClient, secret: string, isSignedIn: boolean): LoadedOffer {
  const [offered, setOffered] = useState<Offered | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setOffered(null);
    setError(null);
    load(api, secret, isSignedIn).then(
      (loaded) => isCurrent && setOffered(loaded),
      (reason: unknown) => isCurrent && setError(reason as ApiError),
    );
    return () => void (isCurrent = false);
  }, [api, secret, isSignedIn, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { offered, error, reload };
}

async function load(api: ApiClient, secret: string, isSignedIn: boolean): Promise<Offered> {
  const [{ invitationOffer }, viewer] = await Promise.all([
    api.request(PageInvitationOfferDocument, { secret }),
    isSignedIn ? api.request(PageViewerDocument, {}) : null,
  ]);
  return { offer: invitationOffer, user: viewer?.viewer.user ?? null };
}
