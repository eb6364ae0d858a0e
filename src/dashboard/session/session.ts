import { useSyncExternalStore } from 'react';

export interface Session {
  readonly token: string;
  /** Of whom signed in with an issuer. Null: with an API token. */
  readonly identity: SignedInIdentity | null;
}

export interface SignedInIdentity {
  /** The name of the issuer. */
  readonly issuer: string;
  /** By the clock of this machine. */
  readonly expiresAtMs: number;
}

const KEY = 'windlass-session';
const listeners = new Set<() => void>();
let session: Session | null = restore();
let farewell: string | null = null;

/** Who is signed in. Null: nobody. */
export function useSession(): Session | null {
  return useSyncExternalStore(subscribe, () => session);
}

/** Why the last session ended, if it was not the user who ended it, or did not come to be. */
export function useFarewell(): string | null {
  return useSyncExternalStore(subscribe, () => farewell);
}

/** A session that is not kept is gone with the page; a kept one with the tab. */
export function signIn(next: Session, { keep }: { keep: boolean }): void {
  if (keep) sessionStorage.setItem(KEY, JSON.stringify(next));
  else sessionStorage.removeItem(KEY);
  change(next, null);
}

export function signOut(reason: string | null = null): void {
  sessionStorage.removeItem(KEY);
  change(null, reason);
}

/** Says why a sign-in was refused. Whoever is signed in stays so. */
export function refuseSignIn(reason: string): void {
  change(session, reason);
}

function restore(): Session | null {
  const kept = sessionStorage.getItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as Session);
}

function change(next: Session | null, reason: string | null): void {
  session = next;
  farewell = reason;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
