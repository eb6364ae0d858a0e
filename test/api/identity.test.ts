import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import type { IdentityIssuer } from '../../src/identity-issuers.ts';
import { SCOPES } from '../../src/domain/access.ts';
import { createId } from '../../src/domain/ids.ts';
import { graphql } from '../kit/graphql.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { until } from '../kit/until.ts';

const keys = await generateKeyPair('RS256', { extractable: true });
const otherKeys = await generateKeyPair('RS256');
const userId = createId('User');
const claims = { repository: 'acme/shop', ref: 'refs/heads/main' };

/** The public keys of an issuer, as it publishes them. */
let issuer: Server;
let plane: Plane;
beforeAll(async () => {
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  issuer = createServer(({ url }, response) =>
    url === '/keys' ? response.end(JSON.stringify({ keys: [jwk] })) : response.writeHead(500).end('down'),
  );
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  const jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`;
  const trusted: IdentityIssuer = {
    issuer: 'https://ci.example.com',
    audience: 'windlass',
    jwksUrl,
    algorithms: ['RS256'],
    requiredClaims: { environment: 'production' },
    rules: [
      {
        when: { repository: 'acme/shop', ref: 'refs/heads/*' },
        userId,
        scopes: ['entities:deploy', 'org:settings'],
        productionAppIds: null,
      },
    ],
    signIn: null,
  };
  const away = { ...trusted, issuer: 'https://away.example.com', jwksUrl: 'http://127.0.0.1:1/keys' };
  const broken = { ...trusted, issuer: 'https://broken.example.com', jwksUrl: jwksUrl.replace('/keys', '/broken') };
  plane = await startPlane({ roles: ['api'], identityIssuers: [trusted, away, broken] });
  const { prisma } = plane.app.database;
  const organization = await prisma.organization.findFirstOrThrow();
  const data = { id: createId('Role'), organizationId: organization.id, name: 'ci' };
  const role = await prisma.role.create({ data: { ...data, scopes: ['entities:deploy', 'entities:publish'] } });
  await prisma.user.create({ data: { id: userId, name: 'CI' } });
  await prisma.membership.create({ data: { userId, organizationId: organization.id, roleId: role.id } });
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  issuer.close();
});

interface Signing {
  readonly payload?: JWTPayload;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expires?: string;
  readonly key?: CryptoKey;
}

function sign({
  payload = {},
  issuer: iss = 'https://ci.example.com',
  audience = 'windlass',
  expires = '5m',
  key,
}: Signing = {}) {
  return new SignJWT({ environment: 'production', ...claims, ...payload })
    .setProtectedHeader({ alg: 'RS256', kid: 'one' })
    .setIssuer(iss)
    .setAudience(audience)
    .setSubject('repo:acme/shop')
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(key ?? keys.privateKey);
}

const ME = '{ viewer { user { id } token { id } memberships { scopes } } }';

test('an identity token acts as the member that the rule names, with what rule and role have in common', async () => {
  const { data } = await graphql(plane, await sign(), ME);

  expect(data).toEqual({
    viewer: { user: { id: userId }, token: null, memberships: [{ scopes: ['ENTITIES_DEPLOY'] }] },
  });
  expect(SCOPES).toContain('entities:deploy');
});

const unsecured = new UnsecuredJWT({ ...claims, environment: 'production' })
  .setIssuer('https://ci.example.com')
  .setAudience('windlass')
  .setSubject('repo')
  .setExpirationTime('5m')
  .encode();

const REFUSED: [what: string, token: () => Promise<string> | string][] = [
  ['of another audience', () => sign({ audience: 'somebody-else' })],
  ['of an issuer that nobody set', () => sign({ issuer: 'https://evil.example.com' })],
  ['that has expired', () => sign({ expires: '-5m' })],
  ['that somebody else has signed', () => sign({ key: otherKeys.privateKey })],
  ['without a required claim', () => sign({ payload: { environment: undefined } })],
  ['with another value of a required claim', () => sign({ payload: { environment: 'staging' } })],
  ['that fits no rule', () => sign({ payload: { repository: 'acme/other' } })],
  ['of a ref that only begins like a wanted one', () => sign({ payload: { ref: 'refs/head' } })],
  ['without a signature', () => unsecured],
  [
    'that was changed after it was signed',
    async () => {
      const [head, , signature] = (await sign()).split('.');
      return `${head}.${Buffer.from(JSON.stringify({ ...claims, iss: 'https://ci.example.com' })).toString('base64url')}.${signature}`;
    },
  ],
];

test.each(REFUSED)('an identity token %s is refused with 401', async (_what, token) => {
  const { status, codes } = await graphql(plane, await token(), ME);

  expect([status, codes]).toEqual([401, ['UNAUTHENTICATED']]);
});

test.each(['away', 'broken'])('an issuer whose server is %s is said to be so, and nobody is let in', async (name) => {
  const { status, codes } = await graphql(plane, await sign({ issuer: `https://${name}.example.com` }), ME);

  expect([status, codes]).toEqual([503, ['UNAVAILABLE']]);
});

test('an identity token makes no API token, which would outlive it', async () => {
  const create = 'mutation { createApiToken(input: { name: "mine" }) { secret } }';

  expect((await graphql(plane, await sign(), create)).codes).toEqual(['FORBIDDEN']);
});

const CHANGES = 'subscription { deploymentsChanged { id } }';
const eventStream = (query: string, parameters = '', headers: Record<string, string> = {}) =>
  fetch(`${plane.url}/graphql?query=${encodeURIComponent(query)}${parameters}`, {
    headers: { accept: 'text/event-stream', ...headers },
  });

async function createTicket(token: string): Promise<{ ticket: string; expiresAt: string }> {
  const { data, codes } = await graphql(plane, token, 'mutation { createStreamTicket { ticket expiresAt } }');
  expect(codes).toEqual([]);
  return data.createStreamTicket;
}

test('a ticket of an identity token is worth what the token is, once', async () => {
  const { ticket } = await createTicket(await sign());

  const first = await eventStream(ME, `&ticket=${ticket}`);
  const second = await eventStream(ME, `&ticket=${ticket}`);

  expect(await first.text()).toContain(
    JSON.stringify({ viewer: { user: { id: userId }, token: null, memberships: [{ scopes: ['ENTITIES_DEPLOY'] }] } }),
  );
  expect(second.status).toBe(401);
});

test('what a role gets after a ticket was made is not given to the ticket', async () => {
  const { prisma } = plane.app.database;
  const where = { organization: { memberships: { some: { userId } } }, name: 'ci' };
  const { ticket } = await createTicket(await sign());
  await prisma.role.updateMany({ where, data: { scopes: ['entities:deploy', 'entities:publish', 'org:settings'] } });

  const answer = await eventStream(ME, `&ticket=${ticket}`);

  expect(await answer.text()).toContain(JSON.stringify([{ scopes: ['ENTITIES_DEPLOY'] }]));
  await prisma.role.updateMany({ where, data: { scopes: ['entities:deploy', 'entities:publish'] } });
});

test('a ticket of an identity token ends with the token', async () => {
  const { ticket, expiresAt } = await createTicket(await sign({ expires: '2s' }));
  expect(new Date(expiresAt).getTime()).toBeLessThanOrEqual(Date.now() + 2_000);

  await until('the token has expired', () => Date.now() > new Date(expiresAt).getTime());

  expect((await eventStream(ME, `&ticket=${ticket}`)).status).toBe(401);
});

/** Streams end within 5 s; a busy machine gets some more. */
const END_MS = 10_000;

test.each([
  ['its header', async (token: string) => eventStream(CHANGES, '', { authorization: `Bearer ${token}` })],
  ['a ticket', async (token: string) => eventStream(CHANGES, `&ticket=${(await createTicket(token)).ticket}`)],
])('a stream that was opened with %s ends when the identity token does', async (_what, open) => {
  const expiresAt = Date.now() + 3_000;
  const answer = await open(await sign({ expires: '3s' }));

  const text = await answer.text();

  const endedAt = Date.now();
  expect(text).toMatch(/UNAUTHENTICATED[^]*event: complete/);
  // Tokens count in whole seconds.
  expect(endedAt).toBeGreaterThan(expiresAt - 1_000);
  expect(endedAt).toBeLessThan(expiresAt + END_MS);
});

test('a WebSocket with an identity token is closed with 4403 when the token ends', async () => {
  const payload = { authorization: `Bearer ${await sign({ expires: '3s' })}` };
  const socket = new WebSocket(`${plane.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload })));
  socket.once('message', () =>
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: CHANGES } })),
  );
  const expiresAt = Date.now() + 3_000;

  const [code] = (await once(socket, 'close')) as [number];

  expect(code).toBe(4403);
  expect(Date.now()).toBeGreaterThan(expiresAt - 1_000);
  expect(Date.now()).toBeLessThan(expiresAt + END_MS);
});
