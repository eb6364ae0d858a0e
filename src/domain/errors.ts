import type { FailureCode } from './deployment.ts';

/** Every refusal a caller can get, with its HTTP status. docs/errors.md explains each; a test keeps the two equal. */
export const ERROR_STATUS = {
  BAD_USER_INPUT: 400,
  GRAPHQL_PARSE_FAILED: 400,
  GRAPHQL_VALIDATION_FAILED: 400,
  QUERY_TOO_COMPLEX: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  CONFLICT: 409,
  ALREADY_FINISHED: 409,
  OVERLAP_REJECTED: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_MISMATCH: 422,
  NO_ACTIVE_VERSION: 422,
  VERSION_NOT_OF_ENTITY: 422,
  PACKAGE_REJECTED: 422,
  RATE_LIMITED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  UNAVAILABLE: 503,
} as const;
export type ErrorCode = keyof typeof ERROR_STATUS;

export const ERROR_TITLE: Record<ErrorCode, string> = {
  BAD_USER_INPUT: 'The input is not valid',
  GRAPHQL_PARSE_FAILED: 'The document is not GraphQL',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema',
  QUERY_TOO_COMPLEX: 'The operation is too large',
  UNAUTHENTICATED: 'Sign-in needed',
  FORBIDDEN: 'Not allowed',
  NOT_FOUND: 'Not found',
  METHOD_NOT_ALLOWED: 'Method not allowed',
  NOT_ACCEPTABLE: 'Media type not offered',
  REQUEST_TIMEOUT: 'Too slow',
  CONFLICT: 'Conflict',
  ALREADY_FINISHED: 'Already finished',
  OVERLAP_REJECTED: 'Another deployment is open',
  PAYLOAD_TOO_LARGE: 'Too large',
  UNSUPPORTED_MEDIA_TYPE: 'Media type not supported',
  IDEMPOTENCY_MISMATCH: 'Idempotency key used for another request',
  NO_ACTIVE_VERSION: 'No active version',
  VERSION_NOT_OF_ENTITY: 'Version of another entity',
  PACKAGE_REJECTED: 'Package rejected',
  RATE_LIMITED: 'Too many requests',
  HEADERS_TOO_LARGE: 'Head too large',
  INTERNAL: 'Internal error',
  UNAVAILABLE: 'Not available now',
};

/** A refusal that its caller can act on. The message is a full sentence for people and carries no secret. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** What does not exist and what may not be seen are refused with the same words. They repeat nothing that was sent. */
export function notFound(kind: string): DomainError {
  return new DomainError('NOT_FOUND', `There is no such ${kind}, or you may not see it.`);
}

/** The shipped package, or what it needs, is at fault. The message becomes the deployment's `errorMessage`. */
export class PhaseFailure extends Error {
  override readonly name = 'PhaseFailure';
  readonly code: FailureCode;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly hint: string | null;
  readonly retryable: boolean;

  constructor(code: FailureCode, message: string, facts: PhaseFailureFacts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = facts.exitCode ?? null;
    this.signal = facts.signal ?? null;
    this.hint = facts.hint ?? null;
    this.retryable = facts.retryable ?? false;
  }
}

export interface PhaseFailureFacts {
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly hint?: string;
  readonly retryable?: boolean;
}
