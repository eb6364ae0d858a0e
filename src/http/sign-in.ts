import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { IdentityIssuer } from '../identity-issuers.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { parseInput } from '../operations/input.ts';
import { recordSignIn } from '../operations/sign-in.ts';
import type { Log } from '../telemetry.ts';
import { methodNotAllowed, sendJson } from './answer.ts';
import { readJson } from './body.ts';
import type { Identify } from './identity.ts';
import { createOpenIdClient, type OpenIdClient } from './openid.ts';
import { jsonObject, text } from './route.ts';

interface SignInDeps {
  readonly prisma: PrismaClient;
  readonly log: Log;
  readonly identify: Identify;
  /** Where callers reach the API: known once its port is. */
  publicUrl(): string;
}

/** Answers one of the calls of the page that signs people in by an issuer. Throws NOT_FOUND for any other path. */
export type HandleSignIn = (pathname: string, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Where issuers send people back to, on the page. It must be known to them. */
const CALLBACK_PATH = '/sign-in/callback';

const bounded = (length: number) => text.min(1, 'must not be empty').max(length, 'is too long');
const beginInput = jsonObject({ issuer: bounded(2_000) });
const completeInput = beginInput.extend({
  parameters: bounded(10_000),
  state: bounded(100),
  nonce: bounded(100),
  codeVerifier: text.regex(/^[\w.~-]{43,128}$/, 'must be that of the beginning'),
});

/** Each call with its method. */
export const SIGN_IN_CALLS = {
  '/sign-in/issuers': 'GET',
  '/sign-in/begin': 'POST',
  '/sign-in/complete': 'POST',
} as const;
type Call = keyof typeof SIGN_IN_CALLS;

/**
 * Signs people in by OpenID Connect. The page keeps what ties both halves together, and brings it back with what the issuer
 * sent: there are no cookies, and any process can answer the second half.
 */
export function createSignIn(deps: SignInDeps, issuers: readonly IdentityIssuer[]): HandleSignIn {
  const clients = issuers.flatMap(({ signIn, ...issuer }) =>
    signIn === null ? [] : [createOpenIdClient(deps, { ...issuer, signIn })],
  );
  const clientOf = (issuer: string) => {
    const client = clients.find((candidate) => candidate.issuer === issuer);
    if (client) return client;
    throw notFound('issuer to sign in with');
  };
  const answers: Record<Call, (body: unknown) => Promise<unknown>> = {
    '/sign-in/issuers': async () => ({ issuers: clients.map(({ issuer, name }) => ({ issuer, name })) }),
    '/sign-in/begin': async (body) => begin(deps, clientOf(parseInput(beginInput, body).issuer)),
    '/sign-in/complete': async (body) => {
      const input = parseInput(completeInput, body);
      return complete(deps, clientOf(input.issuer), input);
    },
  };
  return async (pathname, request, response) => {
    if (!Object.hasOwn(SIGN_IN_CALLS, pathname)) throw notFound('path');
    const method = SIGN_IN_CALLS[pathname as Call];
    const allowed = method === 'GET' ? ['GET', 'HEAD'] : [method];
    if (!allowed.includes(request.method ?? '')) throw methodNotAllowed(response, allowed);
    const body = method === 'POST' ? await readJson(request) : undefined;
    sendJson(response, { status: 200, body: await answers[pathname as Call](body) });
  };
}

async function begin({ publicUrl }: SignInDeps, client: OpenIdClient) {
  const callbackUrl = publicUrl() + CALLBACK_PATH;
  return { callbackUrl, ...(await client.begin(callbackUrl)) };
}

/** The token is the issuer's own: it ends when the issuer says so, and the API asks it for its member each time. */
async function complete(
  { prisma, log, identify, publicUrl }: SignInDeps,
  client: OpenIdClient,
  { parameters, ...proof }: z.output<typeof completeInput>,
) {
  const returned = { ...proof, parameters: new URLSearchParams(parameters) };
  const token = await client.complete(publicUrl() + CALLBACK_PATH, returned);
  const identity = await identify(token);
  if (identity === null) {
    log.warn({ issuer: client.issuer }, 'An identity token of a sign-in has a form that the API does not take');
    throw new DomainError('UNAVAILABLE', `${client.name} gives tokens that cannot be used here.`);
  }
  const { claims, viewer } = identity;
  const subject = claims.sub!;
  if (viewer === null) {
    log.info({ issuer: client.issuer, subject }, 'Somebody signed in whom no rule of the issuer names');
    const known = typeof claims['email'] === 'string' ? claims['email'] : subject;
    const message = `Nobody here is known as ${known} of ${client.name}. Ask who runs this server to let you in.`;
    throw new DomainError('FORBIDDEN', message, { issuer: client.issuer, subject });
  }
  await recordSignIn({ prisma }, viewer, { issuer: client.issuer, subject });
  return { token, expiresInSeconds: Math.floor((viewer.expiresAt!.getTime() - Date.now()) / 1_000) };
}
