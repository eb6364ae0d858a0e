import type { ExecutionResult } from 'graphql';
import { z } from 'zod';
import type { Viewer } from '../domain/access.ts';
import { DomainError, type ErrorCode } from '../domain/errors.ts';
import { OVERLAP_POLICIES } from '../domain/overlap.ts';
import { mapStream } from '../events/leavable.ts';
import type { TypedDocumentString } from '../generated/gql/graphql.ts';
import { prepareOperation, type ArgsOfPipeline, type GraphQLServer } from './graphql.ts';

/** A request as routes see it; the server has read it, with limits, before. */
export interface RestRequest {
  readonly viewer: Viewer | null;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly url: URL;
  readonly headers: {
    readonly idempotencyKey: string | null;
    readonly accept: string | null;
    readonly lastEventId: string | null;
  };
  /** Parsed JSON; undefined when there is no body. */
  readonly body: unknown;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is sent as it comes. */
export interface StreamAnswer {
  readonly status: 200;
  readonly headers: Readonly<Record<string, string>>;
  /** `return` is called when the caller leaves, and must end what is waited for. */
  readonly chunks: AsyncGenerator<string, void, void>;
  /** Is sent in between when nothing else is, so that both sides see that the other is there. */
  readonly keepAlive?: string;
}

export const METHODS_WITH_BODY: ReadonlySet<Route['method']> = new Set(['POST', 'PATCH']);

export type RestAnswer = JsonAnswer | StreamAnswer;

export const TAGS = {
  Deployments: 'Trigger, follow, cancel and repeat deployments.',
  Versions: 'Push versions of an entity.',
  'Production apps': 'Make, change and delete what is deployed.',
  Streams: 'Open streams where no header can be sent.',
  Health: 'For load balancers.',
} as const;

/** A call, for people and for what checks or makes clients. */
export interface About {
  readonly id: string;
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** It takes an `Idempotency-Key`. */
  readonly isIdempotent?: boolean;
  /** It takes a `Last-Event-ID`. */
  readonly isStream?: boolean;
  /** By status. */
  readonly answers: Readonly<Record<number, AboutAnswer>>;
  /** Those that not every call has. */
  readonly refusals: readonly ErrorCode[];
}

export interface AboutAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Of an answer that is no JSON. */
  readonly media?: readonly string[];
  readonly headers?: readonly string[];
}

export interface Route {
  readonly about: About;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With parameters in braces: `/api/deploys/{id}`. */
  readonly path: string;
  handle(run: RunDocument, request: RestRequest, follow: FollowDocument): Promise<RestAnswer>;
}

/** Runs one of our own documents for the caller, through the same pipeline as everybody's. Throws DomainError. */
export type RunDocument = <Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
) => Promise<Data>;

/** Opens one of our own subscriptions for the caller. Throws DomainError, also while it is followed. */
export type FollowDocument = <Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
) => Promise<AsyncGenerator<Data, void, void>>;

export function createRunDocument(graphql: GraphQLServer, viewer: Viewer | null): RunDocument {
  return async (document, variables) => {
    const args = await prepareStored(graphql, viewer, document, variables);
    return dataOf((await args.rootValue.execute(args)) as ExecutionResult) as never;
  };
}

export function createFollowDocument(graphql: GraphQLServer, viewer: Viewer | null): FollowDocument {
  return async (document, variables) => {
    const args = await prepareStored(graphql, viewer, document, variables);
    const results = (await args.rootValue.subscribe(args)) as AsyncIterable<ExecutionResult> | ExecutionResult;
    if (!(Symbol.asyncIterator in results)) throw refusalIn(results) ?? new Error('Nothing was subscribed to.');
    return mapStream(results, (result) => dataOf(result) as never);
  };
}

async function prepareStored(
  graphql: GraphQLServer,
  viewer: Viewer | null,
  document: { toString(): string },
  variables: unknown,
): Promise<ArgsOfPipeline> {
  const operation = { query: document.toString(), variables: variables as Record<string, unknown> };
  const prepared = await prepareOperation(graphql, viewer, operation);
  if ('schema' in prepared) return prepared;
  throw new AggregateError(prepared, 'A stored document does not fit the schema.');
}

function dataOf(result: ExecutionResult): unknown {
  const refusal = refusalIn(result);
  if (refusal) throw refusal;
  return result.data;
}

function refusalIn({ errors }: ExecutionResult): DomainError | null {
  const error = errors?.[0];
  if (!error) return null;
  const { code, details } = error.extensions as { code: ErrorCode; details?: Record<string, unknown> };
  return new DomainError(code, error.message, details);
}

export const text = z.string({ error: 'must be a text' });
export const optionalText = text.nullish();
/** Spelled in small letters, as all enums are in REST. */
export const overlapText = z
  .enum(OVERLAP_POLICIES, { error: `must be one of ${OVERLAP_POLICIES.join(', ')}` })
  .transform((policy) => policy.toUpperCase() as Uppercase<typeof policy>)
  .nullish();

/** The fields of a JSON body. */
export function jsonObject<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape, { error: 'must be a JSON object' });
}

const pageNumber = z
  .string()
  .regex(/^-?\d+$/, 'must be a whole number')
  .transform(Number)
  .meta({ type: 'integer', minimum: 1 });
/** The part of a list's query that chooses a page. */
export const pageQuery = {
  page: pageNumber.meta({ maximum: 10_000_000 }).default(1).describe('From 1.'),
  pageSize: pageNumber.meta({ maximum: 100 }).default(20).describe('1 to 100.'),
};

/** A list's answer: its rows, the numbers of the page, and links to the pages beside it. */
export function pageAnswer<Row>(
  url: URL,
  { nodes, page, pageSize, total }: { nodes: readonly Row[]; page: number; pageSize: number; total: number },
  shape: (row: Row) => unknown,
): RestAnswer {
  const totalPages = Math.ceil(total / pageSize);
  return {
    status: 200,
    body: { data: nodes.map(shape), pagination: { page, pageSize, total, totalPages } },
    headers: linkHeader(url, page, totalPages),
  };
}

function linkHeader(url: URL, current: number, last: number): Record<string, string> {
  const link = (number: number, relation: string) => {
    const target = new URL(url);
    target.searchParams.set('page', String(number));
    return `<${target.pathname}${target.search}>; rel="${relation}"`;
  };
  const links = [
    ...(current > 1 ? [link(1, 'first'), link(current - 1, 'prev')] : []),
    ...(current < last ? [link(current + 1, 'next'), link(last, 'last')] : []),
  ];
  return links.length > 0 ? { link: links.join(', ') } : {};
}
