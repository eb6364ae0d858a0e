import { useEffect, useState, type FormEvent } from 'react';
import { ApiError, createApiClient } from '../../client/api.ts';
import { PageViewerDocument } from '../../generated/gql/graphql.ts';
import { Button } from '../elements/button.tsx';
import { CheckField, TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { Refusal } from '../elements/states.tsx';
import { useTitle } from '../elements/title.ts';
import { Card } from '../shell/card.tsx';
import { beginSignIn, listIssuers, type Issuer } from './issuer-sign-in.ts';
import { signIn, useFarewell } from './session.ts';
import classes from './sign-in-page.module.css';

export function SignInPage() {
  useTitle('Sign in');
  const farewell = useFarewell();
  const issuers = useIssuers();
  return (
    <Card>
      <h1>Sign in</h1>
      {farewell !== null && (
        <p className={classes['farewell']} role="alert">
          {farewell}
        </p>
      )}
      {issuers !== null && (
        <>
          {issuers.length > 0 && <IssuerButtons issuers={issuers} />}
          <TokenForm isOnlyWay={issuers.length === 0} />
        </>
      )}
    </Card>
  );
}

/** Stands for the page until it is clear who comes back from an issuer. */
export function Returning() {
  return (
    <Card>
      <h1>Sign in</h1>
      <p role="status">Signing in …</p>
    </Card>
  );
}

/** Null until they are known, so that nothing moves under a hand. Where they cannot be asked for, a token may do. */
function useIssuers(): readonly Issuer[] | null {
  const [issuers, setIssuers] = useState<readonly Issuer[] | null>(null);
  useEffect(() => {
    listIssuers().then(setIssuers, () => setIssuers([]));
  }, []);
  return issuers;
}

function IssuerButtons({ issuers }: { issuers: readonly Issuer[] }) {
  const [leavingFor, setLeavingFor] = useState<string | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    // Whoever goes back from the issuer finds the page as it was left.
    const reset = () => setLeavingFor(null);
    window.addEventListener('pageshow', reset);
    return () => window.removeEventListener('pageshow', reset);
  }, []);

  async function leaveFor(issuer: Issuer) {
    setLeavingFor(issuer.issuer);
    setError(null);
    try {
      await beginSignIn(issuer);
    } catch (refusal) {
      setLeavingFor(null);
      setError(refusal as ApiError);
    }
  }

  return (
    <div className={classes['issuers']}>
      {issuers.map((issuer) => (
        <Button
          key={issuer.issuer}
          look="primary"
          isRunning={leavingFor === issuer.issuer}
          disabled={leavingFor !== null}
          onClick={() => void leaveFor(issuer)}
        >
          Sign in with {issuer.name}
        </Button>
      ))}
      <Refusal error={error} />
      <p className={classes['or']}>or with a token</p>
    </div>
  );
}

function TokenForm({ isOnlyWay }: { isOnlyWay: boolean }) {
  const [keep, setKeep] = useState(true);
  const [isRunning, setIsRunning] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const token = (new FormData(event.currentTarget).get('token') as string).trim();
    setIsRunning(true);
    setError(null);
    const refusal = await refusalOfToken(token);
    setIsRunning(false);
    if (refusal) setError(refusal);
    else signIn({ token, identity: null }, { keep });
  }

  return (
    <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
      <TextField
        label="Token"
        name="token"
        type="password"
        required
        autoFocus={isOnlyWay}
        autoComplete="current-password"
        spellCheck={false}
        hint={
          <>
            <code>windlass token create</code> makes one where the server runs.
          </>
        }
      />
      <CheckField
        label="Stay signed in in this tab"
        hint="Else a reload asks for the token again. Closing the tab forgets it."
        checked={keep}
        onChange={(event) => setKeep(event.target.checked)}
      />
      <Refusal error={error} />
      <Button type="submit" look={isOnlyWay ? 'primary' : 'plain'} isRunning={isRunning}>
        Sign in
      </Button>
    </form>
  );
}

async function refusalOfToken(token: string): Promise<ApiError | null> {
  try {
    await createApiClient({ url: location.origin, token }).request(PageViewerDocument, {});
    return null;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'UNAUTHENTICATED') {
      return new ApiError(error.code, 'This token is unknown, expired or revoked.');
    }
    return error instanceof ApiError ? error : new ApiError('UNAVAILABLE', 'The server cannot be reached.');
  }
}
