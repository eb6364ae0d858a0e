import type { SentError } from './api.ts';

/** One subscription over one connection. */
export interface SubscriptionRequest {
  /** The address of the GraphQL endpoint, by HTTP. */
  readonly endpoint: URL;
  readonly authorization: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Once aborted, the connection is closed at once, and reading on throws. */
  readonly signal: AbortSignal;
  /** How long the server may say nothing. */
  readonly silenceMs: number;
  /** The server has taken the connection. */
  onOpen(): void;
  /** Something came from the server, if only a ping. */
  onAlive(): void;
}

export interface SentResult {
  readonly data?: unknown;
  readonly errors?: readonly SentError[];
}

/**
 * The results of a subscription until the server completes it. Throws ApiError for a refusal, and anything else for a
 * connection that broke. Leaves no connection behind once it has ended or `signal` is aborted.
 */
export type Transport = (request: SubscriptionRequest) => AsyncGenerator<SentResult, void, void>;
