import * as oauth from 'oauth4webapi';
import { SAFE_URL, type IdentityIssuer, type IdentitySignIn } from '../identity-issuers.ts';
import { DomainError } from '../domain/errors.ts';
import type { Log } from '../telemetry.ts';
import { CLOCK_TOLERANCE_S } from './identity.ts';

/**
 * An issuer as its client sees it: the authorization code flow of OpenID Connect, with PKCE, state and nonce. Nothing of a
 * sign-in is kept here between its two halves; whoever began it brings it back.
 */
export interface OpenIdClient {
  readonly issuer: string;
  readonly name: string;
  /** Throws UNAVAILABLE. */
  begin(callbackUrl: string): Promise<BegunSignIn>;
  /**
   * The identity token that the issuer gives for what it sent to the callback. Its signature is not looked at here. Throws
   * UNAUTHENTICATED, UNAVAILABLE.
   */
  complete(callbackUrl: string, returned: ReturnedSignIn): Promise<string>;
}

export interface BegunSignIn extends SignInProof {
  /** Where the browser goes to sign in. */
  readonly authorizationUrl: string;
}

/** What ties the second half of a sign-in to its first one. */
export interface SignInProof {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface ReturnedSignIn extends SignInProof {
  /** The query of the callback. */
  readonly parameters: URLSearchParams;
}

type SignInIssuer = IdentityIssuer & { readonly signIn: IdentitySignIn };

const DEADLINE_MS = 5_000;
const METADATA_TTL_MS = 10 * 60_000;
/** What is wrong with the answer of an issuer when it is the sign-in that is not right, and not the issuer. */
const WRONG_TOKEN: ReadonlySet<string | undefined> = new Set([
  oauth.INVALID_RESPONSE,
  oauth.JWT_CLAIM_COMPARISON,
  oauth.JWT_TIMESTAMP_CHECK,
]);

export function createOpenIdClient({ log }: { readonly log: Log }, issuer: SignInIssuer): OpenIdClient {
  const { name, clientId, clientSecret, scopes } = issuer.signIn;
  const client: oauth.Client = { client_id: clientId, [oauth.clockTolerance]: CLOCK_TOLERANCE_S };
  const loadMetadata = createMetadataLoader(issuer.issuer);

  /** Refusals as they are; everything else is the issuer's fault, or lies between. */
  async function ask<Answer>(work: (server: oauth.AuthorizationServer) => Promise<Answer>): Promise<Answer> {
    try {
      return await work(await loadMetadata());
    } catch (error) {
      if (error instanceof DomainError) throw error;
      // Errors of the library hold what was sent, tokens among it: neither the log nor a cause gets them.
      log.warn({ issuer: issuer.issuer, problem: problemOf(error) }, 'An issuer could not be asked for a sign-in');
      throw new DomainError('UNAVAILABLE', `${name} cannot be asked now. Try again in a moment.`);
    }
  }

  return {
    issuer: issuer.issuer,
    name,
    begin: (callbackUrl) =>
      ask(async ({ authorization_endpoint: endpoint = '' }) => {
        assertSafe(endpoint);
        const state = oauth.generateRandomState();
        const nonce = oauth.generateRandomNonce();
        const codeVerifier = oauth.generateRandomCodeVerifier();
        const authorizationUrl = withParameters(endpoint, {
          response_type: 'code',
          client_id: clientId,
          redirect_uri: callbackUrl,
          scope: scopes.join(' '),
          state,
          nonce,
          code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
        });
        return { authorizationUrl, state, nonce, codeVerifier };
      }),
    complete: (callbackUrl, { parameters, state, nonce, codeVerifier: verifier }) =>
      ask(async (server) => {
        const returned = validateReturned(name, () => oauth.validateAuthResponse(server, client, parameters, state));
        const auth = authenticationFor(server, clientSecret?.reveal() ?? null);
        const options = requestOptions();
        const expected = { expectedNonce: nonce, requireIdToken: true };
        return oauth
          .authorizationCodeGrantRequest(server, client, auth, returned, callbackUrl, verifier, options)
          .then((response) => oauth.processAuthorizationCodeResponse(server, client, response, expected))
          .then(
            ({ id_token: token }) => token!,
            (error: unknown) => {
              throw refusalOf(name, error) ?? error;
            },
          );
      }),
  };
}

function withParameters(endpoint: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** What an issuer says of itself, asked for when it is needed. One that did not answer is asked again. */
function createMetadataLoader(issuer: string): () => Promise<oauth.AuthorizationServer> {
  let loaded: Promise<oauth.AuthorizationServer> | null = null;
  let loadedAt = 0;
  return () => {
    if (loaded === null || Date.now() - loadedAt > METADATA_TTL_MS) {
      const loading = discover(new URL(issuer));
      loading.catch(() => {
        if (loaded === loading) loaded = null;
      });
      loaded = loading;
      loadedAt = Date.now();
    }
    return loaded;
  };
}

async function discover(issuer: URL): Promise<oauth.AuthorizationServer> {
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, requestOptions()));
}

/** A stricter rule than the library's: without TLS within this machine alone. It follows no redirects of itself. */
function requestOptions() {
  return {
    signal: AbortSignal.timeout(DEADLINE_MS),
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (url: string, options: RequestInit) => {
      assertSafe(url);
      return fetch(url, options);
    },
  };
}

function assertSafe(endpoint: string): void {
  if (!SAFE_URL.test(endpoint)) throw new Error('The issuer names an endpoint that is not a URL with https');
}

/** The first of what every server understands that this one does, too. */
function authenticationFor(server: oauth.AuthorizationServer, secret: string | null): oauth.ClientAuth {
  if (secret === null) return oauth.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic') ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret);
}

/** Throws UNAUTHENTICATED for what the issuer did not send in answer to this sign-in, and for its own refusals. */
function validateReturned(name: string, validate: () => URLSearchParams): URLSearchParams {
  try {
    const parameters = validate();
    if (parameters.get('code')) return parameters;
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError) {
      throw new DomainError('UNAUTHENTICATED', `${name} did not sign you in.`);
    }
    // It is not what was begun: told below.
  }
  throw over();
}

/** Null: it is not for the sign-in that it failed. */
function refusalOf(name: string, error: unknown): DomainError | null {
  if (error instanceof oauth.ResponseBodyError && error.error === 'invalid_grant') return over();
  if (!(error instanceof oauth.OperationProcessingError) || !WRONG_TOKEN.has(error.code)) return null;
  return new DomainError('UNAUTHENTICATED', `What ${name} answered is not for this sign-in. Sign in again.`);
}

function over(): DomainError {
  return new DomainError('UNAUTHENTICATED', 'This sign-in is over, or was not begun here. Sign in again.');
}

/** For the log: the library's own words, which hold nothing that was sent. */
function problemOf(error: unknown): string {
  if (error instanceof oauth.ResponseBodyError) return `${error.status} ${error.error}`;
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return `${error.status} ${error.cause[0]?.parameters.error ?? 'refused'}`;
  }
  const { message, cause } = error as Error;
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? `${message} (${code})` : message;
}
