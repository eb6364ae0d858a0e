import { ApiError, foreignAnswer } from '../../client/api.ts';
import { paths } from '../routes.ts';
import { refuseSignIn, signIn } from './session.ts';

/** Somebody else who says who people are. */
export interface Issuer {
  readonly issuer: string;
  readonly name: string;
}

/** What ties both halves of a sign-in together. It is kept in the tab that began it, and used once. */
interface Pending extends Issuer {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  /** The path that the user wanted to go to. */
  readonly returnTo: string;
}

const KEY = 'windlass-sign-in';
const TIMEOUT_MS = 30_000;

/** Those that people sign in with here. Throws ApiError. */
export async function listIssuers(): Promise<readonly Issuer[]> {
  return (await call<{ issuers: readonly Issuer[] }>('/sign-in/issuers')).issuers;
}

/** Leaves the page for the issuer, which sends the user back to it. Throws ApiError. */
export async function beginSignIn({ issuer, name }: Issuer): Promise<void> {
  const begun = await call<Pending & { authorizationUrl: string; callbackUrl: string }>('/sign-in/begin', { issuer });
  const { authorizationUrl, callbackUrl, state, nonce, codeVerifier } = begun;
  const { origin } = new URL(callbackUrl);
  if (origin !== location.origin) {
    // The tab that comes back would know nothing of this sign-in.
    throw new ApiError('CONFLICT', `${name} sends people to ${origin}. Open this page there.`);
  }
  const returnTo = location.pathname + location.search + location.hash;
  const pending: Pending = { issuer, name, state, nonce, codeVerifier, returnTo };
  sessionStorage.setItem(KEY, JSON.stringify(pending));
  location.assign(authorizationUrl);
}

/**
 * Takes what an issuer has sent the user back with, and signs in. The code is out of the address before anything else is
 * done, and is worth something only to the tab that began the sign-in. Null: nobody comes back. Does not reject.
 */
export function takeReturn(): Promise<void> | null {
  if (location.pathname !== paths.signInCallback) return null;
  const parameters = location.search.slice(1);
  const pending = takePending(new URLSearchParams(parameters).get('state'));
  history.replaceState(null, '', location.origin + (pending?.returnTo ?? '/'));
  if (pending !== null) return completeSignIn(pending, parameters);
  refuseSignIn('This sign-in was not begun in this tab, or is over. Sign in again.');
  return null;
}

function takePending(state: string | null): Pending | null {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  const pending = kept === null ? null : (JSON.parse(kept) as Pending);
  return pending?.state === state ? pending : null;
}

async function completeSignIn(pending: Pending, parameters: string): Promise<void> {
  const { issuer, name, state, nonce, codeVerifier } = pending;
  try {
    const input = { issuer, parameters, state, nonce, codeVerifier };
    const { token, expiresInSeconds } = await call<Completed>('/sign-in/complete', input);
    const identity = { issuer: name, expiresAtMs: Date.now() + expiresInSeconds * 1_000 };
    signIn({ token, identity }, { keep: true });
  } catch (error) {
    refuseSignIn((error as ApiError).message);
  }
}

interface Completed {
  readonly token: string;
  readonly expiresInSeconds: number;
}

async function call<Answer>(path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    ...(body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new ApiError('UNAVAILABLE', 'The server cannot be reached.', { cause });
  });
  const answer = (await response.json().catch(() => null)) as Answer | { code: string; detail: string } | null;
  if (response.ok && answer !== null) return answer as Answer;
  if (typeof answer !== 'object' || answer === null || !('code' in answer)) throw foreignAnswer(response.status);
  throw new ApiError(answer.code, answer.detail);
}
