import { GraphQLError, visit, type DocumentNode, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Viewer } from '../domain/access.ts';
import { DomainError, ERROR_STATUS, type ErrorCode } from '../domain/errors.ts';
import type { Context, Services } from '../graphql/context.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { schema } from '../graphql/schema.ts';
import { currentRequestId, type Log } from '../telemetry.ts';
import { authenticate, ticketOf, type Credentials } from './auth.ts';
import { maskGraphQLError, RETRY_AFTER_SECONDS } from './errors.ts';
import { useSharedResults } from './shared-results.ts';

/** Sockets and the REST shim know their viewer before; HTTP requests bring a header. */
export interface OperationOrigin {
  readonly request?: Request;
  readonly viewer?: Viewer | null;
}

export type GraphQLServer = YogaServerInstance<OperationOrigin, Context>;

export const BODY_BYTES_MAX = 1024 * 1024;

/**
 * The one pipeline that every operation goes through: HTTP, server-sent events, WebSocket and REST. Operations read with
 * `prisma`, which guards the tenants.
 */
export function createGraphQLServer(services: Services, prisma: PrismaClient): GraphQLServer {
  return createYoga<OperationOrigin, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    cors: false,
    batching: false,
    logging: false,
    maxRequestBodySize: BODY_BYTES_MAX,
    maskedErrors: { maskError: (error) => maskGraphQLError(error, services.log) },
    context: async ({ request, viewer }: OperationOrigin) => ({
      ...services,
      prisma,
      requestId: currentRequestId(),
      viewer: viewer === undefined ? await authenticateRequest(services, request) : viewer,
    }),
    plugins: [
      useErrorCodes(),
      useWellFormedText(),
      useSharedResults(),
      useRefusalsInStreams(services),
      useUnavailableStatus(),
    ],
  });
}

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
  const contextValue = await contextFactory();
  return { schema, operationName, document, variableValues, contextValue, rootValue: { execute, subscribe } };
}

async function authenticateRequest(services: Services, request: Request | undefined): Promise<Viewer | null> {
  try {
    return await authenticate(services, request ? credentialsOf(request) : {});
  } catch (error) {
    const refused = maskGraphQLError(error, services.log);
    const code = refused.extensions['code'] as ErrorCode;
    const headers: Record<string, string> =
      code === 'UNAVAILABLE' ? { 'retry-after': RETRY_AFTER_SECONDS } : { 'www-authenticate': 'Bearer' };
    refused.extensions['http'] = { status: ERROR_STATUS[code], headers };
    throw refused;
  }
}

function credentialsOf({ method, url, headers }: Request): Credentials {
  const ticket = ticketOf({ method, url, accept: headers.get('accept') });
  return { authorization: headers.get('authorization'), ticket };
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
function useRefusalsInStreams({ log }: Services): Plugin {
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
    async next() {
      if (isOver) return { done: true, value: undefined };
      try {
        const { done, value } = await items.next();
        return done ? { done, value: undefined } : { done: false, value };
      } catch (error) {
        // Anything else breaks the connection, and whoever follows comes again after his cursor.
        if (!(error instanceof DomainError)) throw error;
        isOver = true;
        return { done: false, value: { errors: [maskGraphQLError(error, log)] } };
      }
    },
    return: end,
    throw: end,
    [Symbol.asyncIterator]: () => stream,
    [Symbol.asyncDispose]: async () => void (await end()),
  };
  return stream;
}

/** Over HTTP, an operation that the database did not answer is a 503: proxies and clients know to try again. */
function useUnavailableStatus(): Plugin {
  return {
    onResultProcess({ result }) {
      if (Array.isArray(result) || !('errors' in result)) return;
      for (const { extensions } of result.errors ?? []) {
        if (extensions?.['code'] !== 'UNAVAILABLE') continue;
        extensions['http'] = { status: ERROR_STATUS.UNAVAILABLE, headers: { 'retry-after': RETRY_AFTER_SECONDS } };
      }
    },
  };
}

function coded(error: GraphQLError, code: ErrorCode): GraphQLError {
  const { message, nodes, source, positions, path, extensions } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions: { code, ...extensions } });
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

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (Array.isArray(value)) return value.every(isWellFormed);
  if (value !== null && typeof value === 'object') return Object.values(value).every(isWellFormed);
  return true;
}
