import { GraphQLError } from 'graphql';
import { DomainError, ERROR_STATUS, type ErrorCode } from '../domain/errors.ts';
import { isDatabaseAway } from '../store/outage.ts';
import { currentRequestId, type Log } from '../telemetry.ts';
import { withoutEcho } from './echo.ts';

/** What a caller gets to see of an error, over whatever transport. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** When to ask again what the database did not answer. */
const RETRY_AFTER_SECONDS = 2;

/** The header that says when to ask again, for refusals that pass. */
export function retryAfter({ code, details = {} }: { code: unknown; details?: Refusal['details'] }) {
  const seconds = code === 'UNAVAILABLE' ? RETRY_AFTER_SECONDS : details['retryAfterSeconds'];
  const headers: Record<string, string> = typeof seconds === 'number' ? { 'retry-after': String(seconds) } : {};
  return headers;
}

/** Refusals as they are; everything else is masked and logged, once, with the request's id. */
export function refusalOf(error: unknown, log: Log): Refusal {
  if (error instanceof DomainError) return error;
  if (isDatabaseAway(error)) {
    log.warn({ err: error, requestId: currentRequestId() }, 'The database did not answer');
    return { code: 'UNAVAILABLE', message: 'The database does not answer. Try again in a moment.', details: {} };
  }
  const requestId = currentRequestId();
  log.error({ err: error, requestId }, 'A request failed for a reason of our own');
  return {
    code: 'INTERNAL',
    message: `Something went wrong here. The server's log has it under ${requestId}.`,
    details: { requestId },
  };
}

/** What GraphQL itself finds wrong carries no original error, and is the caller's to mend. */
export function maskGraphQLError(error: unknown, log: Log): GraphQLError {
  const located = error instanceof GraphQLError ? error : null;
  const original = located ? located.originalError : error;
  if (located && (original == null || original instanceof GraphQLError)) {
    const details = located.extensions['details'] as Refusal['details'] | undefined;
    return withCode(located, codeOf(located), withoutInput(located.message), details ?? {});
  }
  const { code, message, details } = refusalOf(original, log);
  return withCode(located, code, message, details);
}

/** Reasons of GraphQL itself that quote nothing. */
const PLAIN_REASON =
  /(?:Expected (?:non-nullable )?type "[\w![\]]+" (?:not to be null|to be an object)|A DateTime is [^"]*)\.$/;

/** GraphQL's own messages quote names and values, which may be secrets. Names of the schema stay; `locations` say where. */
function withoutInput(message: string): string {
  const [, variable] = /^Variable "\$(\w+)" got invalid value /.exec(message) ?? [];
  if (variable === undefined) {
    return withoutEcho(message.replace(/^Unexpected parameter "[^]*"/, 'Unexpected parameter'));
  }
  const place = new RegExp(`^[^]* at "(${variable}[\\w.[\\]]*)";`).exec(message)?.[1] ?? variable;
  const [reason] = PLAIN_REASON.exec(message) ?? [];
  return withoutEcho(`Variable "$${place}" does not fit its type.${reason ? ` ${reason}` : ''}`);
}

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  405: 'METHOD_NOT_ALLOWED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

function codeOf({ extensions }: GraphQLError): ErrorCode {
  const { code, http } = extensions as { code?: unknown; http?: { status?: number } };
  const byStatus = CODE_OF_STATUS[http?.status ?? 0];
  if (byStatus) return byStatus;
  return typeof code === 'string' && code in ERROR_STATUS ? (code as ErrorCode) : 'BAD_USER_INPUT';
}

function withCode(
  error: GraphQLError | null,
  code: ErrorCode,
  message: string,
  details: Refusal['details'],
): GraphQLError {
  const http = httpOf(error);
  return new GraphQLError(message, {
    nodes: error?.nodes,
    source: error?.source,
    positions: error?.positions,
    path: error?.path,
    extensions: { code, ...(Object.keys(details).length > 0 ? { details } : {}), ...(http ? { http } : {}) },
  });
}

/** Yoga answers 200 to a request that it cannot read when the client accepts plain JSON. That is a 400 here. */
function httpOf(error: GraphQLError | null): unknown {
  const http: { spec?: boolean } | undefined = error?.extensions['http'];
  if (error?.extensions['code'] !== 'BAD_REQUEST') return http;
  const { spec: _spec, ...rest } = http ?? {};
  return rest;
}
