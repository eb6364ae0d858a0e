import { decodeJwt } from 'jose';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../src/secret.ts';
import { createId } from '../../src/domain/ids.ts';
import { graphql } from '../kit/graphql.ts';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  openOpenIdProvider,
  OTHER_CLIENT_ID,
  type OpenIdProvider,
} from '../kit/openid-provider.ts';
import { startPlane, type Plane } from '../kit/plane.ts';
import { expectNoSecret } from '../kit/sentinel.ts';

const ME = '{ viewer { user { id } memberships { organization { id } } } }';
const userId = createId('User');

let provider: OpenIdProvider;
let plane: Plane;
let organizationId: string;
beforeAll(async () => {
  provider = await openOpenIdProvider();
  const acme = provider.identityIssuer(userId);
  const away = { ...acme, issuer: 'http://127.0.0.1:1', signIn: { ...acme.signIn!, name: 'Away' } };
  const machines = { ...acme, issuer: 'https://ci.example.com', audience: 'windlass', signIn: null };
  plane = await startPlane({ roles: ['api'], identityIssuers: [acme, away, machines] });
  provider.serve(`${plane.url}/sign-in/callback`);
  const { prisma } = plane.app.database;
  organizationId = (await prisma.organization.findFirstOrThrow()).id;
  const role = await prisma.role.findFirstOrThrow();
  await prisma.user.create({ data: { id: userId, name: 'Ada' } });
  await prisma.membership.create({ data: { userId, organizationId, roleId: role.id } });
});
beforeEach(() => {
  provider.person = 'ada';
  provider.tokenSeconds = 300;
  provider.isBroken = false;
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

interface Begun {
  readonly authorizationUrl: string;
  readonly callbackUrl: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

async function call(path: string, body: unknown) {
  const answer = await plane.rest('POST', path, { body });
  return { ...answer, json: JSON.parse(answer.body) as Record<string, unknown> };
}

async function begin(issuer = provider.issuer): Promise<Begun> {
  return (await call('/sign-in/begin', { issuer })).json as unknown as Begun;
}

/** Goes to the issuer as a browser does, and answers the query that it comes back with. */
async function visitIssuer(authorizationUrl: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = new URL(authorizationUrl);
  while (url.pathname !== '/sign-in/callback') {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    expect(response.status, await response.text()).toBe(303);
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      cookies.set(name!, value!);
    }
    url = new URL(response.headers.get('location')!, url);
  }
  return url.search.slice(1);
}

interface Returned {
  readonly issuer: string;
  readonly parameters: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** Everything up to the second half of a sign-in. */
async function comeBack(): Promise<Returned> {
  const { authorizationUrl, state, nonce, codeVerifier } = await begin();
  const parameters = await visitIssuer(authorizationUrl);
  return { issuer: provider.issuer, parameters, state, nonce, codeVerifier };
}

async function refusalOf(returned: Returned) {
  const { status, json } = await call('/sign-in/complete', returned);
  return { status, code: json['code'], detail: json['detail'] };
}

test('whoever may see the page learns which issuers there are to sign in with, and nothing else of them', async () => {
  const { status, headers, body } = await plane.rest('GET', '/sign-in/issuers');

  expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
  expect(JSON.parse(body)).toEqual({
    issuers: [
      { issuer: provider.issuer, name: 'Acme' },
      { issuer: 'http://127.0.0.1:1', name: 'Away' },
    ],
  });
});

test('a sign-in begins at the issuer with PKCE, a state and a nonce that are new each time', async () => {
  const [one, other] = [await begin(), await begin()];
  const asked = new URL(one.authorizationUrl);

  expect(asked.origin).toBe(provider.issuer);
  expect(Object.fromEntries(asked.searchParams)).toEqual({
    response_type: 'code',
    client_id: CLIENT_ID,
    redirect_uri: `${plane.url}/sign-in/callback`,
    scope: 'openid email groups',
    state: one.state,
    nonce: one.nonce,
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  });
  expect(asked.href).not.toContain(one.codeVerifier);
  expect(one.callbackUrl).toBe(`${plane.url}/sign-in/callback`);
  for (const name of ['state', 'nonce', 'codeVerifier'] as const) expect(one[name]).not.toBe(other[name]);
});

test('a sign-in ends with a token that the API takes for the member whom a rule names, and with an audited event', async () => {
  const { status, headers, json } = await call('/sign-in/complete', await comeBack());
  const token = json['token'] as string;

  expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
  expect(json).toEqual({ token, expiresInSeconds: expect.closeTo(300, -1) });
  expect((await graphql(plane, token, ME)).data).toEqual({
    viewer: { user: { id: userId }, memberships: [{ organization: { id: organizationId } }] },
  });
  const events = await plane.app.database.prisma.auditEvent.findMany({ where: { action: 'signIn' } });
  expect(events).toMatchObject([
    {
      organizationId,
      outcome: 'done',
      actorId: userId,
      tokenId: null,
      subjectId: userId,
      address: '127.0.0.1',
      details: { issuer: provider.issuer, subject: 'ada' },
    },
  ]);
});

const WRONG: [what: string, (returned: Returned) => Returned | Promise<Returned>][] = [
  ['another state', (returned) => ({ ...returned, state: 'x'.repeat(43) })],
  ['another nonce', (returned) => ({ ...returned, nonce: 'x'.repeat(43) })],
  ['another verifier', (returned) => ({ ...returned, codeVerifier: 'x'.repeat(43) })],
  ['a code that was made up', (returned) => changed(returned, 'code', 'x'.repeat(43))],
  ['no code', (returned) => changed(returned, 'code', '')],
  ['two codes', (returned) => ({ ...returned, parameters: `${returned.parameters}&code=another` })],
  ['the word of another issuer', (returned) => changed(returned, 'iss', 'https://evil.example.com')],
  [
    'the code of another sign-in',
    async (returned) => {
      const other = new URLSearchParams((await comeBack()).parameters);
      return changed(returned, 'code', other.get('code')!);
    },
  ],
  [
    'a refusal of the issuer',
    ({ state, issuer: iss, ...returned }) => ({
      ...returned,
      issuer: iss,
      state,
      parameters: new URLSearchParams({ error: 'access_denied', state, iss }).toString(),
    }),
  ],
];

function changed(returned: Returned, name: string, value: string): Returned {
  const parameters = new URLSearchParams(returned.parameters);
  parameters.set(name, value);
  return { ...returned, parameters: parameters.toString() };
}

test.each(WRONG)('a sign-in that comes back with %s is refused with 401', async (_what, change) => {
  const { status, code } = await refusalOf(await change(await comeBack()));

  expect([status, code]).toEqual([401, 'UNAUTHENTICATED']);
});

test('a code signs in once', async () => {
  const returned = await comeBack();

  expect((await call('/sign-in/complete', returned)).status).toBe(200);
  expect(await refusalOf(returned)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
});

test('an identity token that has expired signs nobody in', async () => {
  provider.tokenSeconds = -60;

  expect(await refusalOf(await comeBack())).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
});

test('an identity token that the issuer gave to another of its clients is not taken', async () => {
  const callback = `${plane.url}/sign-in/callback`;
  const asked = new URL(`${provider.issuer}/auth`);
  const { authorizationUrl, codeVerifier } = await begin();
  asked.search = new URL(authorizationUrl).search;
  asked.searchParams.set('client_id', OTHER_CLIENT_ID);
  const code = new URLSearchParams(await visitIssuer(asked.href)).get('code')!;
  const granted = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${OTHER_CLIENT_ID}:${encodeURIComponent(CLIENT_SECRET)}`)}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback,
      code_verifier: codeVerifier,
    }),
  });
  const { id_token: token } = (await granted.json()) as { id_token: string };

  expect(decodeJwt(token)).toMatchObject({ aud: OTHER_CLIENT_ID, email: 'ada@example.com' });
  expect(await graphql(plane, token, ME)).toMatchObject({ status: 401, codes: ['UNAUTHENTICATED'] });
});

test.each([
  ['eve', 'eve@example.com'],
  ['bob', 'bob'],
])('%s, whom no rule names, is told as whom the issuer knows him, and is not let in', async (person, known) => {
  const { prisma } = plane.app.database;
  const eventsBefore = await prisma.auditEvent.count();
  provider.person = person;

  const { status, json } = await call('/sign-in/complete', await comeBack());

  expect([status, json['code'], json['details']]).toEqual([
    403,
    'FORBIDDEN',
    { issuer: provider.issuer, subject: person },
  ]);
  expect(json['detail']).toBe(`Nobody here is known as ${known} of Acme. Ask who runs this server to let you in.`);
  expect(await prisma.auditEvent.count()).toBe(eventsBefore);
});

test('an issuer that is away is said to be so, by its name', async () => {
  const { status, headers, json } = await call('/sign-in/begin', { issuer: 'http://127.0.0.1:1' });

  expect([status, json['code']]).toEqual([503, 'UNAVAILABLE']);
  expect(json['detail']).toBe('Away cannot be asked now. Try again in a moment.');
  expect(headers['retry-after']).toBe('2');
});

test('an issuer that breaks in the middle of a sign-in is said to be away', async () => {
  const returned = await comeBack();
  provider.isBroken = true;

  expect(await refusalOf(returned)).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
});

test('an issuer that does not take our secret is away, and the log says why without what was sent', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const acme = provider.identityIssuer(userId);
  const clientSecret = new Secret('not the secret of this client');
  const identityIssuers = [{ ...acme, signIn: { ...acme.signIn!, clientSecret } }];
  await using other = await startPlane({ roles: ['api'], identityIssuers, publicUrl: plane.url, log });
  const returned = await comeBack();

  const { status } = await other.rest('POST', '/sign-in/complete', { body: returned });

  expect(status).toBe(503);
  const told = lines.filter((line) => line.includes('An issuer could not be asked'));
  expect(told).toHaveLength(1);
  expect(JSON.parse(told[0]!)).toMatchObject({ issuer: provider.issuer, problem: '401 invalid_client' });
  const code = new URLSearchParams(returned.parameters).get('code')!;
  for (const secret of [code, returned.codeVerifier, returned.nonce]) expectNoSecret('the log', lines.join(), secret);
  expectNoSecret('the log', lines.join(), clientSecret.reveal());
});

test.each([
  ['an issuer that nobody set', '/sign-in/begin', { issuer: 'https://evil.example.com' }, 404],
  ['an issuer that people do not sign in with', '/sign-in/begin', { issuer: 'https://ci.example.com' }, 404],
  ['no issuer', '/sign-in/begin', {}, 400],
  ['no object', '/sign-in/begin', ['marked_4c81'], 400],
  ['a verifier that is none', '/sign-in/complete', { issuer: 'x', codeVerifier: 'marked_4c81', marked_4c81: 1 }, 400],
  ['nothing of a beginning', '/sign-in/complete', { issuer: 'x' }, 400],
  ['an unknown path', '/sign-in/nothing', {}, 404],
  ['the wrong method', '/sign-in/issuers', {}, 405],
])('a call with %s is refused, and nothing of it repeated', async (_what, path, body, status) => {
  const answer = await call(path, body);

  expect(answer.status).toBe(status);
  expect(answer.body).not.toMatch(/marked_4c81|evil/);
});

test('a form of another page can neither begin nor complete a sign-in', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const path of ['/sign-in/begin', '/sign-in/complete']) {
    expect((await plane.rest('POST', path, { headers, body: 'issuer=x' })).status).toBe(415);
    const foreign = { origin: 'https://evil.example.com' };
    expect((await plane.rest('POST', path, { headers: foreign, body: {} })).status).toBe(403);
  }
});
