import { useEffect, useState, type ReactNode } from 'react';
import { Provider } from 'urql';
import { signOut, type Session } from '../session/session.ts';
import { createApi } from './client.ts';
import { LiveContext } from './hooks.ts';
import { createLive } from './live.ts';

/** Longer ones fire at once. */
const TIMER_MS_MAX = 2 ** 31;

/** The client, its cache and its socket live as long as the session, so that nothing of it is left for the next user. */
export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  const [opened, setOpened] = useState<ReturnType<typeof open> | null>(null);
  useEffect(() => {
    const next = open(session);
    setOpened(next);
    return () => next.live.close();
  }, [session]);
  useEffect(() => {
    const inMs = (session.identity?.expiresAtMs ?? Number.POSITIVE_INFINITY) - Date.now();
    // What ends later is ended by the server's word.
    const timer = inMs < TIMER_MS_MAX ? setTimeout(() => signOut(farewellOf(session)), inMs) : undefined;
    return () => clearTimeout(timer);
  }, [session]);
  if (!opened) return null;
  return (
    <LiveContext value={opened.live}>
      <Provider value={opened.api}>{children}</Provider>
    </LiveContext>
  );
}

function open(session: Session) {
  const onRefused = () => signOut(farewellOf(session));
  const live = createLive(session.token, onRefused);
  return { live, api: createApi(session.token, live, onRefused) };
}

/** The address stays as it is: who signs in again is where he was. */
function farewellOf({ identity }: Session): string {
  return identity === null
    ? 'Your token is not taken any more. Sign in again.'
    : `Your sign-in with ${identity.issuer} has ended. Sign in again to go on here.`;
}
