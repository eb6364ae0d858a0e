import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Viewer } from '../domain/access.ts';
import { DomainError, notFound } from '../domain/errors.ts';
import type { Services } from '../graphql/context.ts';
import { receiveUpload } from '../operations/uploads.ts';
import type { Pulse } from '../store/pulse.ts';
import { withRequest } from '../telemetry.ts';
import { admit, type Admission } from './admission.ts';
import { authenticate, ticketOf, type AuthDeps } from './auth.ts';
import { methodNotAllowed, sendJson, sendProblem, sendStream } from './answer.ts';
import { assertJson, assertJsonParameters, readJson, readOperation } from './body.ts';
import { addressOf } from './caller.ts';
import { isPartOfDashboard } from './dashboard.ts';
import { refusalOf } from './errors.ts';
import { createEventStreams, type HandleEventStreams } from './event-streams.ts';
import type { GraphQLServer } from './graphql.ts';
import { observeAnswer } from './observe.ts';
import { findPage, sendPage } from './pages.ts';
import { ROUTES } from './rest.ts';
import { createFollowDocument, createRunDocument, METHODS_WITH_BODY, type Route } from './route.ts';
import type { HandleSignIn } from './sign-in.ts';
import { answerBrokenRequests, HEAD_BYTES_MAX, whileBodyArrives } from './slow.ts';

/** Whether the database answers, as the API must know it. */
export interface Readiness {
  /** Rejects when this process cannot do its work. */
  check(): Promise<void>;
  /** Of a database that cannot go away without this process; null. */
  readonly pulse: Pulse | null;
}

const UPLOAD_PATH = /^\/api\/uploads\/([^/]+)\/([^/]+)$/;
/** How often Node looks for requests that are too slow. */
const CLOCK_INTERVAL_MS = 1_000;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** GraphQL, REST, sign-in, uploads and health on one port. */
export function createApiServer(
  services: Services,
  { graphql, signIn }: Pick<Handlers, 'graphql' | 'signIn'>,
  readiness: Readiness,
  limits: RequestLimits,
): Server {
  const { log } = services;
  const handlers = { graphql, signIn, eventStreams: createEventStreams(graphql, log), readiness, limits };
  const options = {
    // Bodies have a clock of their own: an upload may take long.
    requestTimeout: 0,
    headersTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: CLOCK_INTERVAL_MS,
    maxHeaderSize: HEAD_BYTES_MAX,
  };
  const server = createServer(options, (request, response) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    response.setHeader('x-request-id', requestId);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    // Whoever is refused because the database is away may still be written to when it is back.
    response.on('error', () => {});
    observeAnswer(request, response);
    const origin = { requestId, address: addressOf(request, limits.trustedProxies) };
    void withRequest(origin, () =>
      handle(services, handlers, request, response).catch((error: unknown) => {
        // Who has left in the middle of a body is told nothing.
        if (request.socket.destroyed && !request.complete) return;
        sendProblem(response, refusalOf(error, log), requestId);
      }),
    );
  });
  answerBrokenRequests(server);
  return server;
}

export interface RequestLimits extends Admission {
  readonly requestTimeoutMs: number;
}

interface Handlers {
  readonly limits: RequestLimits;
  readonly graphql: GraphQLServer;
  readonly signIn: HandleSignIn;
  readonly eventStreams: HandleEventStreams;
  readonly readiness: Readiness;
}

async function handle(
  services: Services,
  { graphql, signIn, eventStreams, readiness: { check, pulse }, limits }: Handlers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = parseUrl(request);
  if (url.pathname === '/livez') return sendJson(response, { status: 200, body: { status: 'ok' } });
  if (url.pathname === '/readyz') {
    return whileDatabaseAnswers(pulse, response, () => handleReadiness(check, response));
  }
  const page = await findPage(url, request);
  // Counted, they would leave who opens the page few requests for what it shows.
  if (page && isPartOfDashboard(url.pathname)) return sendPage(page, request, response);
  if (await admit(limits, request, response)) return;
  if (page) return sendPage(page, request, response);
  if (url.pathname === '/') return redirect(response, '/graphql');
  const { prisma, verifyIdentity } = services;
  const caller = { prisma, verifyIdentity, ...limits };
  const clock = { timeoutMs: limits.requestTimeoutMs, mayGoOn: UPLOAD_PATH.test(url.pathname) };
  return whileBodyArrives(request, clock, () =>
    whileDatabaseAnswers(pulse, response, async () => {
      if (url.pathname === '/graphql') return handleGraphQL(graphql, url, request, response);
      if (url.pathname === '/graphql/stream') return handleEventStreams(caller, eventStreams, request, response);
      return handleCall(services, { graphql, signIn, limits }, url, request, response);
    }),
  );
}

/** Nobody waits for a database that is away: who has no answer yet is refused, and who comes now is, too. */
async function whileDatabaseAnswers(
  pulse: Pulse | null,
  response: ServerResponse,
  work: () => Promise<void>,
): Promise<void> {
  if (pulse === null) return work();
  if (pulse.isAway()) throw databaseAway();
  let off = () => {};
  const away = new Promise<never>((_resolve, reject) => {
    off = pulse.onAway(() => response.headersSent || reject(databaseAway()));
  });
  const working = work();
  working.catch(() => {}); // Told below, unless the caller was answered before.
  await Promise.race([working, away]).finally(off);
}

function databaseAway(): DomainError {
  return new DomainError('UNAVAILABLE', 'The database does not answer. Try again in a moment.');
}

async function handleCall(
  services: Services,
  handlers: Pick<Handlers, 'graphql' | 'signIn' | 'limits'>,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const upload = UPLOAD_PATH.exec(url.pathname);
  if (upload) return handleUpload(services, { id: upload[1]!, secret: upload[2]! }, request, response);
  if (url.pathname.startsWith('/sign-in/')) return handlers.signIn(url.pathname, request, response);
  if (url.pathname.startsWith('/api/')) return handleRest(services, handlers, url, request, response);
  throw new DomainError(
    'NOT_FOUND',
    'There is nothing at this path. GraphQL is at /graphql, REST below /api and described at /docs.',
  );
}

function parseUrl(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`);
  } catch (cause) {
    throw new DomainError('BAD_USER_INPUT', 'The URL is not valid.', {}, { cause });
  }
}

async function handleGraphQL(
  graphql: GraphQLServer,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST') {
    assertJson(request);
    // Yoga takes what was read before. It would break the connection off under a body that is too large.
    Object.assign(request, { body: await readOperation(request) });
  } else assertJsonParameters(url);
  await graphql(request, response);
}

async function handleEventStreams(
  deps: AuthDeps & Admission,
  eventStreams: HandleEventStreams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'POST') assertJson(request);
  await eventStreams(await viewerOf(deps, request), request, response);
}

function viewerOf(deps: AuthDeps & Admission, request: IncomingMessage): Promise<Viewer | null> {
  const { method, headers, url = '' } = request;
  const { authorization, accept } = headers;
  const address = addressOf(request, deps.trustedProxies);
  return authenticate(deps, { authorization, ticket: ticketOf({ method, accept, url }), address });
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location }).end();
}

async function handleReadiness(check: Readiness['check'], response: ServerResponse): Promise<void> {
  try {
    await check();
  } catch (cause) {
    throw new DomainError('UNAVAILABLE', 'Not ready: the database does not answer.', {}, { cause });
  }
  sendJson(response, { status: 200, body: { status: 'ok' } });
}

/** The file of a version. Its URL is the permission, for one file and one hour. */
async function handleUpload(
  services: Services,
  capability: { id: string; secret: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'PUT') throw methodNotAllowed(response, ['PUT']);
  const length = request.headers['content-length'];
  await receiveUpload(services, capability, request, {
    bytes: length === undefined ? null : Number(length),
    sha256: expectedSha256(request.headers['content-digest']),
  });
  response.writeHead(204).end();
}

/** RFC 9530: `Content-Digest: sha-256=:base64:`. */
function expectedSha256(header: string | string[] | undefined): string | null {
  const digest = /(?:^|,\s*)sha-256=:([A-Za-z0-9+/=]+):/.exec(String(header ?? ''))?.[1];
  return digest === undefined ? null : Buffer.from(digest, 'base64').toString('hex');
}

async function handleRest(
  { prisma, verifyIdentity }: Services,
  { graphql, limits }: Pick<Handlers, 'graphql' | 'limits'>,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { route, params } = findRoute(url.pathname, request, response);
  const { headers } = request;
  const viewer = await viewerOf({ prisma, verifyIdentity, ...limits }, request);
  const asked = {
    viewer,
    params,
    url,
    query: url.searchParams,
    headers: {
      idempotencyKey: headerOf(headers['idempotency-key']),
      accept: headers.accept ?? null,
      lastEventId: headerOf(headers['last-event-id']),
    },
    body: METHODS_WITH_BODY.has(route.method) ? await readJson(request) : undefined,
  };
  const answer = await route.handle(createRunDocument(graphql, viewer), asked, createFollowDocument(graphql, viewer));
  if ('chunks' in answer) await sendStream(response, answer);
  else sendJson(response, answer);
}

function headerOf(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function findRoute(pathname: string, request: IncomingMessage, response: ServerResponse) {
  const matches = ROUTES.flatMap((route) => {
    const params = matchPath(route.path, pathname);
    return params ? [{ route, params }] : [];
  });
  // Node leaves the body out of an answer to HEAD.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const match = matches.find(({ route }) => route.method === method);
  if (match) return match;
  if (matches.length === 0) throw new DomainError('NOT_FOUND', 'There is no such REST call.');
  throw methodNotAllowed(
    response,
    matches.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])),
  );
}

function matchPath(pattern: Route['path'], pathname: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = pathname.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const actual = given[index]!;
    if (part.startsWith('{')) params[part.slice(1, -1)] = decodePart(actual);
    else if (part !== actual) return null;
  }
  return params;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Broken percent-encoding names nothing.
    throw notFound('path');
  }
}
