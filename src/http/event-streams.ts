import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHandler, TOKEN_HEADER_KEY, TOKEN_QUERY_KEY, type Request } from 'graphql-sse';
import type { Viewer } from '../domain/access.ts';
import { DomainError, type ErrorCode } from '../domain/errors.ts';
import { requireViewer } from '../operations/authorize.ts';
import type { Log } from '../telemetry.ts';
import { writeChunks } from './answer.ts';
import { readJson } from './body.ts';
import { maskGraphQLError } from './errors.ts';
import { countRefusals, prepareOperation, type ArgsOfPipeline, type GraphQLServer } from './graphql.ts';
import { OPERATIONS_MAX, tooManyOperations } from './traffic.ts';

/** Messages that one stream may hold for a slow reader; its operations wait then. */
const WAITING_MESSAGES_MAX = 4;
/** How long a reserved stream may stay unopened. */
const RESERVATION_MS = 60_000;

type StreamRequest = Request<IncomingMessage, { readonly viewer: Viewer; readonly stream: EventStream }>;
export type HandleEventStreams = (
  viewer: Viewer | null,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void>;

/**
 * graphql-sse at `/graphql/stream`: one reserved event stream that carries many operations, or a stream for each. What it
 * knows of reserved streams is in this process: all requests of one stream must reach the same one.
 */
export function createEventStreams(graphql: GraphQLServer, log: Log): HandleEventStreams {
  const reserved = new Map<string, { readonly userId: string; readonly stream: EventStream }>();
  const handler = createHandler<IncomingMessage, StreamRequest['context']>({
    execute: (args) => (args as unknown as ArgsOfPipeline).rootValue.execute(args) as never,
    subscribe: (args) => (args as unknown as ArgsOfPipeline).rootValue.subscribe(args) as never,
    validate: () => [], // The pipeline has done it.
    authenticate: ({ method, context, ...request }) => (method === 'PUT' ? reserve(context.viewer) : tokenOf(request)),
    async onSubscribe({ context: { viewer, stream } }, { query, variables, operationName }) {
      try {
        stream.begin();
        const prepared = await prepareOperation(graphql, viewer, { query, variables, operationName });
        return 'schema' in prepared ? (prepared as never) : { data: null, errors: prepared };
      } catch (error) {
        return { data: null, errors: [maskGraphQLError(error, log)] };
      }
    },
    onNext(_context, { context }, result) {
      countRefusals(result);
      return context.stream.untilRoom();
    },
    onComplete: (_context, { context }) => context.stream.end(),
  });

  function reserve({ userId }: Viewer): string {
    const token = randomUUID();
    reserved.set(token, { userId, stream: new EventStream() });
    setTimeout(() => void release(token), RESERVATION_MS).unref();
    return token;
  }

  /** The library forgets a stream only when it is closed, so one that nobody has opened is opened for that. */
  async function release(token: string): Promise<void> {
    const unopened = reserved.get(token);
    if (!unopened || unopened.stream.isOpen) return;
    reserved.delete(token);
    const headers = new Map([
      ['accept', 'text/event-stream'],
      [TOKEN_HEADER_KEY, token],
    ]);
    const [body] = await handler({ method: 'GET', url: '', headers, body: null } as never);
    if (body && typeof body !== 'string') await body.return();
  }

  return async (viewer, request, response) => {
    const signedIn = requireViewer(viewer);
    // Before the library reads it, which would take a body that is too large for one that is not JSON.
    const read = request.method === 'POST' ? await readJson(request) : null;
    const asked = requestOf(request, read, signedIn, reserved);
    const [body, { status, headers }] = await handler(asked);
    if (body === null || typeof body === 'string') {
      if (status >= 400) throw refusalOf(status, body);
      response.writeHead(status, headers).end(body);
      return;
    }
    const { stream } = asked.context;
    stream.isOpen = true;
    response.once('close', () => {
      stream.close();
      reserved.delete(tokenOf(asked) ?? '');
    });
    response.writeHead(status, headers);
    await writeChunks(response, body, () => stream.take());
  };
}

/** A reserved stream of somebody else is as unknown as one that does not exist. */
function requestOf(
  request: IncomingMessage,
  body: unknown,
  viewer: Viewer,
  reserved: ReadonlyMap<string, { readonly userId: string; readonly stream: EventStream }>,
): StreamRequest {
  const header = (name: string) => {
    const value = request.headers[name];
    return Array.isArray(value) ? value.join() : value;
  };
  const url = request.url ?? '';
  const token = tokenOf({ url, headers: { get: header } });
  const known = token === null ? undefined : reserved.get(token);
  const mine = known?.userId === viewer.userId ? known : undefined;
  return {
    method: request.method!,
    url: mine ? url : withoutToken(url),
    headers: { get: (name) => (name === TOKEN_HEADER_KEY && !mine ? undefined : header(name)) },
    body: (body ?? null) as StreamRequest['body'],
    raw: request,
    context: { viewer, stream: mine?.stream ?? new EventStream() },
  };
}

function tokenOf({ url, headers }: Pick<StreamRequest, 'url' | 'headers'>): string | null {
  return headers.get(TOKEN_HEADER_KEY) ?? new URL(url, 'http://localhost').searchParams.get(TOKEN_QUERY_KEY);
}

function withoutToken(url: string): string {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  searchParams.delete(TOKEN_QUERY_KEY);
  return `${pathname}?${searchParams}`;
}

const CODE_OF_STATUS: Record<number, ErrorCode> = { 404: 'NOT_FOUND', 405: 'METHOD_NOT_ALLOWED', 409: 'CONFLICT' };

function refusalOf(status: number, body: string | null): DomainError {
  const { errors } = (body === null ? {} : JSON.parse(body)) as { errors?: { message: string }[] };
  const message = errors?.[0]?.message ?? 'There is no such event stream';
  return new DomainError(CODE_OF_STATUS[status] ?? 'BAD_USER_INPUT', `${message}.`);
}

/** How far the reader of a stream is behind. The library's own queue has no bound. */
class EventStream {
  isOpen = false;
  #operations = 0;
  #waiting = 0;
  #isClosed = false;
  #wake = new Set<() => void>();

  /** Throws RATE_LIMITED when it carries too many operations already. */
  begin(): void {
    if (this.#operations >= OPERATIONS_MAX) throw tooManyOperations();
    this.#operations += 1;
  }

  end(): void {
    this.#operations = Math.max(0, this.#operations - 1);
  }

  /** Resolves once one more message may wait. */
  async untilRoom(): Promise<void> {
    while (this.#waiting >= WAITING_MESSAGES_MAX && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wake.add(resolve));
    }
    this.#waiting += 1;
  }

  /** The reader has taken a message. */
  take(): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
    this.#wakeAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const resolve of this.#wake) resolve();
    this.#wake.clear();
  }
}
