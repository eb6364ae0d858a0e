import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider from 'oidc-provider';
import { Secret } from '../../src/secret.ts';
import type { IdentityIssuer } from '../../src/identity-issuers.ts';

export const CLIENT_ID = 'windlass';
/** Another client of the same provider. */
export const OTHER_CLIENT_ID = 'another';
export const CLIENT_SECRET = 'the secret that only Windlass and its issuer know';
const SCOPES = { email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] };

/** A real OpenID provider. Whoever comes to its sign-in page is signed in at once, as `person`. */
export interface OpenIdProvider extends AsyncDisposable {
  readonly issuer: string;
  /** What an operator sets for it: it is called Acme, and knows one member. */
  identityIssuer(userId: string): IdentityIssuer;
  /** Who signs in next: ada is known by her e-mail address and her groups. */
  person: string;
  /** How long its identity tokens are valid from now on. */
  tokenSeconds: number;
  /** Makes everything but its keys answer with an error. */
  isBroken: boolean;
  /** Where it may send people back to. It answers nothing before this is called. */
  serve(callbackUrl: string): void;
}

const PERSONS: Readonly<Record<string, object>> = {
  ada: { email: 'ada@example.com', email_verified: true, name: 'Ada', groups: ['people', 'deployers'] },
  eve: { email: 'eve@example.com', email_verified: false, name: 'Eve' },
};

export async function openOpenIdProvider(): Promise<OpenIdProvider> {
  const keys = [await signingKey()];
  let handle: ((request: IncomingMessage, response: ServerResponse) => void) | null = null;
  const server = createServer((request, response) => {
    const isServed = handle !== null && (!provider.isBroken || request.url === '/jwks');
    if (isServed) handle!(request, response);
    else response.writeHead(500).end('down');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: OpenIdProvider = {
    issuer,
    identityIssuer: (userId) => identityIssuerOf(issuer, userId),
    person: 'ada',
    tokenSeconds: 300,
    isBroken: false,
    serve(callbackUrl) {
      handle = handlerOf(provider, keys, callbackUrl);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}

function identityIssuerOf(issuer: string, userId: string): IdentityIssuer {
  const when = { email: 'ada@example.com', email_verified: true, groups: 'deployers' };
  return {
    issuer,
    audience: null,
    jwksUrl: `${issuer}/jwks`,
    algorithms: ['RS256'],
    requiredClaims: {},
    rules: [{ when, userId, scopes: null, productionAppIds: null }],
    signIn: {
      name: 'Acme',
      clientId: CLIENT_ID,
      clientSecret: new Secret(CLIENT_SECRET),
      scopes: ['openid', 'email', 'groups'],
    },
  };
}

async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' };
}

function handlerOf(options: OpenIdProvider, keys: JWK[], callbackUrl: string) {
  const client = { client_secret: CLIENT_SECRET, redirect_uris: [callbackUrl] };
  const provider = new Provider(options.issuer, {
    clients: [
      { ...client, client_id: CLIENT_ID },
      { ...client, client_id: OTHER_CLIENT_ID },
    ],
    jwks: { keys },
    claims: SCOPES,
    // Else they would be at an endpoint of their own, and not in the identity token.
    conformIdTokenClaims: false,
    cookies: { keys: ['a key for cookies'] },
    ttl: { AccessToken: 600, Grant: 600, Interaction: 600, Session: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...PERSONS[id] }) }),
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: oidc.client!.clientId, accountId: oidc.account!.accountId });
      grant.addOIDCScope(['openid', ...Object.keys(SCOPES)].join(' '));
      await grant.save();
      return grant;
    },
  });
  // Not a setting: it would refuse to give out tokens that have expired.
  Object.assign(provider.IdToken, { expiresIn: () => options.tokenSeconds });
  const answer = provider.callback();
  return (request: IncomingMessage, response: ServerResponse): void => {
    const isInteraction = request.url!.startsWith('/interaction/');
    const login = { accountId: options.person };
    void (isInteraction ? provider.interactionFinished(request, response, { login }) : answer(request, response));
  };
}
