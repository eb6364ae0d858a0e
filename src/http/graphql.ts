import type { IncomingMessage } from 'node:http';
import {
  getOperationAST,
  GraphQLError,
  visit,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
} from 'graphql';
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Viewer } from '../domain/access.ts';
import { DomainError, ERROR_STATUS, type ErrorCode } from '../domain/errors.ts';
import { mapStream } from '../events/leavable.ts';
import type { Context, Services } from '../graphql/context.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { schema } from '../graphql/schema.ts';
import { metrics } from '../metrics.ts';
import { currentRequestId, type Log } from '../telemetry.ts';
import type { Admission } from './admission.ts';
import { problemOf } from './answer.ts';
import { authenticate, ticketOf } from './auth.ts';
import { addressOf } from './caller.ts';
import { withoutEcho } from './echo.ts';
import { maskGraphQLError, retryAfter } from './errors.ts';
import { createParserCache, useOperationLimits } from './limits.ts';
import { useSharedResults } from './shared-results.ts';

/** Sockets and the REST shim know their viewer before; HTTP requests bring a header. */
export interface OperationOrigin {
  readonly request?: Request;
  readonly req?: IncomingMessage;
  readonly viewer?: Viewer | null;
}

export type GraphQLServer = YogaServerInstance<OperationOrigin, Context>;

/**
 * The one pipeline that every operation goes through: HTTP, server-sent events, WebSocket and REST. Operations read with
 * `prisma`, which guards the tenants.
 */
export function createGraphQLServer(
  services: Services,
  { prisma, rateLimits, trustedProxies }: Pick<Admission, 'rateLimits' | 'trustedProxies'> & { prisma: PrismaClient },
): GraphQLServer {
  const { verifyIdentity, log } = services;
  const authenticateRequest = async (req: IncomingMessage | undefined) => {
    if (!req) return null;
    const { method, headers, url = '' } = req;
    const { authorization, accept } = headers;
    const ticket = ticketOf({ method, accept, url });
    try {
      return await authenticate(
        { prisma, verifyIdentity, rateLimits },
        { authorization, ticket, address: addressOf(req, trustedProxies) },
      );
    } catch (error) {
      throw withStatus(maskGraphQLError(error, log));
    }
  };

  return createYoga<OperationOrigin, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    cors: false,
    batching: false,
    multipart: false,
    logging: false,
    maxRequestBodySize: false, // It was read before.
    parserAndValidationCache: createParserCache(),
    maskedErrors: { maskError: (error) => maskGraphQLError(error, log) },
    context: async ({ req, viewer }: OperationOrigin) => ({
      ...services,
      prisma,
      requestId: currentRequestId(),
      viewer: viewer === undefined ? await authenticateRequest(req) : viewer,
    }),
    plugins: [
      useErrorCodes(),
      useCounts(),
      useOperationLimits(),
      useWellFormedText(),
      useSharedResults(),
      useRefusalsInStreams(log),
      useRefusalStatus(),
      useNotAcceptable(),
    ],
  });
}

const NO_OPERATION = 'The document has no operation of this name, or several and no name was given.';

type Pipeline = GraphQLServer['getEnveloped'] extends (...args: never[]) => infer P ? P : never;

/** Arguments of an operation that bring the pipeline they are for: what runs them calls `rootValue`. */
export type ArgsOfPipeline = ExecutionArgs & { readonly rootValue: Pick<Pipeline, 'execute' | 'subscribe'> };

/** Puts an operation that came by another way than Yoga's own into its pipeline. Answers what is wrong with a document. */
export async function prepareOperation(
  graphql: GraphQLServer,
  viewer: Viewer | null,
  operation: { query: string; variables?: Record<string, unknown> | null; operationName?: string | null },
): Promise<ArgsOfPipeline | readonly GraphQLError[]> {
  const { execute, subscribe, contextFactory, parse, validate } = graphql.getEnveloped({ viewer });
  const document = parse(operation.query);
  const errors = validate(schema, document);
  if (errors.length > 0) return errors;
  const { operationName, variables: variableValues } = operation;
  if (!getOperationAST(document, operationName)) throw new DomainError('BAD_USER_INPUT', NO_OPERATION);
  const contextValue = await contextFactory();
  return { schema, operationName, document, variableValues, contextValue, rootValue: { execute, subscribe } };
}

/** A refusal that comes before anything is run. */
function withStatus(refused: GraphQLError): GraphQLError {
  const code = refused.extensions['code'] as ErrorCode;
  const headers = code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : retryAfter({ code });
  refused.extensions['http'] = { status: ERROR_STATUS[code], headers };
  return refused;
}

/** Whether over HTTP or not, what is run goes through here. */
function useCounts(): Plugin {
  return {
    onExecute: ({ args }) => countOperation(args),
    onSubscribe: ({ args }) => countOperation(args),
    onResultProcess({ result, setResult }) {
      if (Array.isArray(result)) return;
      // Only server-sent events come by here; over WebSocket and as one of several streams, messages are counted there.
      if (isAsyncIterable(result)) setResult(mapStream(result as AsyncIterable<ExecutionResult>, counted) as never);
      else countRefusals(result);
    },
  };
}

function counted(result: ExecutionResult): ExecutionResult {
  countRefusals(result);
  return result;
}

function countOperation({ document, operationName }: ExecutionArgs): void {
  metrics.operations.inc({ type: getOperationAST(document, operationName)?.operation ?? 'query' });
}

/** Each refusal of a result, by its code. Only codes of ours are counted: nobody else's text becomes a label. */
export function countRefusals({ errors = [] }: Pick<ExecutionResult, 'errors'>): void {
  for (const { extensions } of errors) {
    const code = extensions?.['code'] as ErrorCode | undefined;
    if (code !== undefined && code in ERROR_STATUS) metrics.refusals.inc({ code });
  }
}

/** Documents that cannot be run say so with a code of their own. */
function useErrorCodes(): Plugin {
  return {
    onParse:
      () =>
      ({ result, replaceParseResult }) => {
        if (result instanceof GraphQLError) replaceParseResult(coded(result, 'GRAPHQL_PARSE_FAILED'));
      },
    onValidate:
      () =>
      ({ result, setResult }) => {
        setResult(result.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED')));
      },
  };
}

/** Whether a stream ended with this because its viewer may no longer watch. */
export function isAccessLost({ errors }: ExecutionResult): boolean {
  const details = errors?.[0]?.extensions?.['details'] as { accessEnded?: boolean } | undefined;
  return details?.accessEnded === true;
}

/** A stream whose viewer may no longer watch says so in a last message: thrown, it would be a broken connection. */
function useRefusalsInStreams(log: Log): Plugin {
  return {
    onSubscribe: () => ({
      onSubscribeResult({ result, setResult }) {
        if (isAsyncIterable(result)) setResult(withRefusals(result as AsyncIterable<ExecutionResult>, log) as never);
      },
    }),
  };
}

function withRefusals(source: AsyncIterable<ExecutionResult>, log: Log): AsyncGenerator<ExecutionResult, void, void> {
  const items = source[Symbol.asyncIterator]();
  let isOver = false;
  const end = async () => {
    isOver = true;
    await items.return?.();
    return { done: true as const, value: undefined };
  };
  const stream: AsyncGenerator<ExecutionResult, void, void> = {
    next: () =>
      isOver
        ? Promise.resolve({ done: true, value: undefined })
        : (items.next() as Promise<IteratorResult<ExecutionResult, void>>).catch((error: unknown) => {
            // Anything else breaks the connection, and whoever follows comes again after his cursor.
            if (!(causeOf(error) instanceof DomainError)) throw error;
            isOver = true;
            return { done: false, value: { errors: [maskGraphQLError(error, log)] } };
          }),
    return: end,
    throw: end,
    [Symbol.asyncIterator]: () => stream,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
  return stream;
}

/** Streams that are not shared come from an executor that says of each error where in the document it is. */
function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError ? error.originalError : error;
}

const STATUS_OF_RESULT: ReadonlySet<unknown> = new Set<ErrorCode>(['QUERY_TOO_COMPLEX', 'UNAVAILABLE']);

/** Over HTTP, these refusals have their status whatever is accepted: proxies and clients know what to do. */
function useRefusalStatus(): Plugin {
  return {
    onResultProcess({ result }) {
      if (Array.isArray(result) || !('errors' in result)) return;
      for (const { extensions } of result.errors ?? []) {
        const code = extensions?.['code'] as ErrorCode;
        const status = ERROR_STATUS[code];
        if (STATUS_OF_RESULT.has(code)) extensions['http'] = { status, headers: retryAfter({ code }) };
        // Nothing was run. Who accepts only plain JSON gets 200 all the same, as the specification has it.
        else if (code === 'BAD_USER_INPUT' && !('data' in result)) extensions['http'] ??= { spec: true, status };
      }
    },
  };
}

/** What Yoga refuses without a word. */
function useNotAcceptable(): Plugin {
  const refusal = new DomainError(
    'NOT_ACCEPTABLE',
    'Accept application/json, application/graphql-response+json or text/event-stream.',
  );
  return {
    onResponse({ response, setResponse, fetchAPI }) {
      if (response.status !== ERROR_STATUS.NOT_ACCEPTABLE || response.body !== null) return;
      const { status, headers, body } = problemOf(refusal, currentRequestId(), true);
      setResponse(new fetchAPI.Response(body, { status, headers }));
    },
  };
}

function coded(error: GraphQLError, code: ErrorCode): GraphQLError {
  const { message, nodes, source, positions, path, extensions } = error;
  return new GraphQLError(withoutEcho(message), {
    nodes,
    source,
    positions,
    path,
    extensions: { code, ...extensions },
  });
}

/** PostgreSQL's text holds no NUL, and half a character would be changed silently. No text of a caller may have them. */
function useWellFormedText(): Plugin {
  const check = ({
    args,
    setResultAndStopExecution,
  }: {
    args: { document: DocumentNode; variableValues?: unknown };
    setResultAndStopExecution(result: ExecutionResult): void;
  }) => {
    let isFine = isWellFormed(args.variableValues);
    visit(args.document, { StringValue: ({ value }) => void (isFine &&= isWellFormed(value)) });
    if (isFine) return;
    const extensions = { code: 'BAD_USER_INPUT' };
    const error = new GraphQLError('A text holds a NUL or half of a surrogate pair.', { extensions });
    setResultAndStopExecution({ errors: [error] });
  };
  return { onExecute: check, onSubscribe: check };
}

/** Without recursion: a megabyte of brackets is deeper than the stack. */
function isWellFormed(value: unknown): boolean {
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string' && (!next.isWellFormed() || next.includes('\0'))) return false;
    if (next !== null && typeof next === 'object') for (const inside of Object.values(next)) waiting.push(inside);
  }
  return true;
}
