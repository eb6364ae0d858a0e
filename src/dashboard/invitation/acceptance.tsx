import { useState, type FormEvent } from 'react';
import { ApiError, type ApiClient } from '../../client/api.ts';
import { PageAcceptInvitationDocument } from '../../generated/gql/graphql.ts';
import { Button } from '../elements/button.tsx';
import { TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import { Refusal } from '../elements/states.tsx';
import classes from './invitation-page.module.css';
import type { Offered } from './use-offer.ts';

interface AcceptanceProps {
  api: ApiClient;
  secret: string;
  /** Who is signed in, and joins as who he is. Null: somebody new, who says his name. */
  user: Offered['user'];
  /** With the first token of somebody new; null for who was signed in. */
  onAccepted: (token: string | null) => void;
  onSignIn: () => void;
  onSignOut: () => void;
}

export function Acceptance({ api, secret, user, onAccepted, onSignIn, onSignOut }: AcceptanceProps) {
  const [isRunning, setIsRunning] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = new FormData(event.currentTarget).get('name') as string | null;
    setIsRunning(true);
    setError(null);
    try {
      const { acceptInvitation } = await api.request(PageAcceptInvitationDocument, { input: { secret, name } });
      onAccepted(acceptInvitation.secret ?? null);
    } catch (reason) {
      setError(reason as ApiError);
      setIsRunning(false);
    }
  }

  return (
    <form className={formClasses['form']} onSubmit={(event) => void submit(event)}>
      {user ? (
        <p className={classes['other']}>
          You are signed in as {user.name}.
          <Button look="quiet" onClick={onSignOut}>
            Not you? Sign out
          </Button>
        </p>
      ) : (
        <TextField label="Your name" name="name" required maxLength={100} autoFocus autoComplete="name" />
      )}
      <Refusal error={error} />
      <Button type="submit" look="primary" isRunning={isRunning}>
        {user ? `Join as ${user.name}` : 'Join'}
      </Button>
      {!user && (
        <p className={classes['other']}>
          Do you have a token already?
          <Button look="quiet" onClick={onSignIn}>
            Sign in first
          </Button>
        </p>
      )}
    </form>
  );
}
