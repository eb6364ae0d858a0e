import { useEffect, useMemo, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { createApiClient, type ApiClient } from '../../client/api.ts';
import { scopesText } from '../elements/scopes.ts';
import { SecretOnce } from '../elements/secret-once.tsx';
import { Failed, Loading } from '../elements/states.tsx';
import { Until } from '../elements/time.tsx';
import { useTitle } from '../elements/title.ts';
import { paths } from '../routes.ts';
import { signIn, signOut, useSession } from '../session/session.ts';
import { SignInPage } from '../session/sign-in-page.tsx';
import { Card } from '../shell/card.tsx';
import { Acceptance } from './acceptance.tsx';
import classes from './invitation-page.module.css';
import { useSecretOfLink } from './secret-of-link.ts';
import { useOffer, type Offered } from './use-offer.ts';

/** Where the link of an invitation leads, for who is signed in and for who is not. */
export function InvitationPage() {
  useTitle('Invitation');
  const secret = useSecretOfLink();
  const session = useSession();
  const [wantsToSignIn, setWantsToSignIn] = useState(false);
  const token = session?.token ?? null;
  const api = useMemo(() => createApiClient({ url: location.origin, token }), [token]);
  if (token === null && wantsToSignIn) return <SignInPage />;
  return (
    <Card>
      {secret ? (
        <Invitation
          key={secret}
          api={api}
          secret={secret}
          isSignedIn={token !== null}
          onSignIn={() => setWantsToSignIn(true)}
          onSignOut={() => {
            setWantsToSignIn(false);
            signOut();
          }}
        />
      ) : (
        <Closed title="This link is not complete">
          Open the whole link that you were given, with all that stands behind its #. After a reload, open it again.
        </Closed>
      )}
    </Card>
  );
}

interface InvitationProps {
  api: ApiClient;
  secret: string;
  isSignedIn: boolean;
  onSignIn: () => void;
  onSignOut: () => void;
}

function Invitation({ api, secret, isSignedIn, onSignIn, onSignOut }: InvitationProps) {
  const { offered, error, reload } = useOffer(api, secret, isSignedIn);
  const [, navigate] = useLocation();
  /** What a newcomer signs in with from now on. */
  const [newToken, setNewToken] = useState<string | null>(null);
  const isRefused = error?.code === 'UNAUTHENTICATED';
  useEffect(() => {
    if (isRefused) signOut('Your token is not taken any more.');
  }, [isRefused]);

  if (newToken !== null) {
    return (
      <>
        <h1>You are in</h1>
        <SecretOnce
          text={newToken}
          copyLabel="Copy the token"
          about="This is your token: you sign in with it. Store it now, where your other secrets are. It is not shown again."
          done="Sign in"
          onDone={() => {
            signIn({ token: newToken, identity: null }, { keep: true });
            navigate(paths.apps, { replace: true });
          }}
        />
      </>
    );
  }
  if (!offered) return error && !isRefused ? <Failed isView error={error} onRetry={reload} /> : <Loading lines={3} />;
  const { offer, user } = offered;
  if (!offer) {
    return (
      <Closed title="This invitation cannot be used">
        It is unknown, used, revoked or too old. Ask whoever gave you the link for another one.
      </Closed>
    );
  }
  return (
    <>
      <Offer offer={offer} />
      <Acceptance
        api={api}
        secret={secret}
        user={user}
        onAccepted={(token) => (token === null ? navigate(paths.apps, { replace: true }) : setNewToken(token))}
        onSignIn={onSignIn}
        onSignOut={onSignOut}
      />
    </>
  );
}

function Offer({ offer }: { offer: NonNullable<Offered['offer']> }) {
  const { organizationName, invitedBy, roleName, scopes, expiresAt } = offer;
  return (
    <>
      <h1>Join {organizationName}</h1>
      <p>
        {invitedBy} invites you as <strong>{roleName}</strong>.
      </p>
      <dl className={classes['facts']}>
        <dt>You may</dt>
        <dd>{scopesText(scopes)}</dd>
        <dt>The link ends</dt>
        <dd>
          <Until at={expiresAt} />
        </dd>
      </dl>
    </>
  );
}

function Closed({ title, children }: { title: string; children: string }) {
  return (
    <>
      <h1>{title}</h1>
      <p>{children}</p>
      <p>
        <Link to={paths.apps}>Go to the apps</Link>
      </p>
    </>
  );
}
