import type { TypedDocumentString } from '../generated/gql/graphql.ts';
import { delayAfter, sleep } from './delay.ts';

/**
 * The server's own refusal, with its code. `UNAVAILABLE` is also what cannot be reached, and `NOT_WINDLASS` is what answers
 * and is something else.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  /** What programs may want to know of it: see docs/errors.md. */
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: string, message: string, options: ErrorOptions & { details?: ApiError['details'] } = {}) {
    super(message, options);
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** An error of GraphQL as it comes over any transport. */
export interface SentError {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown; readonly details?: unknown };
}

export function refusalOf({ message, extensions }: SentError): ApiError {
  const { code, details } = extensions ?? {};
  const known = typeof details === 'object' && details !== null ? (details as ApiError['details']) : {};
  return new ApiError(typeof code === 'string' ? code : 'INTERNAL', message, { details: known });
}

/** Refusals that say: not now. */
export const PASSING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'RATE_LIMITED']);

/**
 * What answers with a status, and not as Windlass does: a proxy whose server is away for a moment says 429 or 5xx;
 * everything else stays wrong.
 */
export function foreignAnswer(status: number): ApiError {
  const isPassing = status === 429 || status >= 500;
  const message = `The server answered with status ${status}, and not as Windlass does.`;
  return new ApiError(isPassing ? 'UNAVAILABLE' : 'NOT_WINDLASS', message);
}

interface SentAnswer {
  readonly data?: unknown;
  readonly errors?: readonly SentError[];
}

export interface ApiClient {
  /** Runs a query or a mutation. Throws ApiError. */
  request<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data>;
  /** The same with any text, and with what came back as it is. Throws ApiError where nothing of GraphQL came back. */
  send(query: string, variables: unknown): Promise<SentAnswer>;
}

export interface ApiClientOptions {
  /** Where the API answers, without a path. */
  readonly url: string;
  /** Null: nobody's, for what anyone may call. */
  readonly token: string | null;
  /** How long one answer may take. Default: 30,000. */
  readonly timeoutMs?: number;
  /**
   * For how long to ask again while the server is away or refuses by its rates. Only what may be repeated is: queries, and
   * mutations with an `idempotencyKey`. Default: 0, never.
   */
  readonly retryForMs?: number;
  /** Called before each time that it asks again. */
  readonly onRetry?: (refusal: ApiError) => void;
  /** Ends it at once: the signal's reason is thrown. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 30_000;
const DELAY_MS_MAX = 5_000;

export function createApiClient(options: ApiClientOptions): ApiClient {
  async function send(query: string, variables: unknown): Promise<SentAnswer> {
    const giveUpAt = Date.now() + (options.retryForMs ?? 0);
    const mayRepeat = isRepeatable(query, variables);
    for (let attempt = 0; ; attempt += 1) {
      const answer = await post(options, query, variables).catch((error: unknown) => error as ApiError);
      const refusal = answer instanceof Error ? answer : passingRefusal(answer);
      if (refusal === null) return answer as SentAnswer;
      const delayMs = delayBefore(attempt, refusal);
      const isOver = !mayRepeat || !(refusal instanceof ApiError) || !PASSING.has(refusal.code);
      if (isOver || Date.now() + delayMs > giveUpAt) {
        if (answer instanceof Error) throw answer;
        return answer;
      }
      options.onRetry?.(refusal);
      await sleep(delayMs, options.signal);
    }
  }

  return {
    send,
    async request(document, variables) {
      const { data, errors } = await send(document.toString(), variables);
      const error = errors?.[0];
      if (error) throw refusalOf(error);
      return data as never;
    },
  };
}

async function post(
  { url, token, timeoutMs = TIMEOUT_MS, signal }: ApiClientOptions,
  query: string,
  variables: unknown,
): Promise<SentAnswer> {
  signal?.throwIfAborted();
  const deadline = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL('/graphql', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    text = await response.text();
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreachable(url, deadline.aborted ? timeoutMs : null, cause);
  }
  const answer = parseAnswer(text);
  if (answer) return answer;
  throw foreignAnswer(response.status);
}

/** What the connection broke with is in the cause of what `fetch` throws. */
function unreachable(url: string, timeoutMs: number | null, cause: unknown): ApiError {
  const { origin } = new URL(url);
  if (timeoutMs !== null) {
    return new ApiError('UNAVAILABLE', `${origin} did not answer within ${timeoutMs / 1_000} s.`, { cause });
  }
  const reason = (cause as { cause?: { code?: unknown } }).cause?.code;
  const why = typeof reason === 'string' ? ` (${reason})` : '';
  return new ApiError('UNAVAILABLE', `${origin} cannot be reached${why}.`, { cause });
}

function parseAnswer(text: string): SentAnswer | null {
  try {
    const answer = JSON.parse(text) as SentAnswer | null;
    const isAnswer =
      typeof answer === 'object' && answer !== null && ('data' in answer || Array.isArray(answer.errors));
    return isAnswer ? answer : null;
  } catch {
    return null; // Not JSON: not from Windlass.
  }
}

/** A mutation that makes something makes it once for each key. */
function isRepeatable(query: string, variables: unknown): boolean {
  if (!/^\s*mutation\b/m.test(query)) return true;
  const { input } = (variables ?? {}) as { input?: { idempotencyKey?: unknown } };
  return typeof input?.idempotencyKey === 'string';
}

function passingRefusal({ errors }: SentAnswer): ApiError | null {
  const refusal = errors?.[0] ? refusalOf(errors[0]) : null;
  return refusal && PASSING.has(refusal.code) ? refusal : null;
}

/** Never sooner than the server says. */
function delayBefore(attempt: number, refusal: Error): number {
  const asked = refusal instanceof ApiError ? refusal.details['retryAfterSeconds'] : null;
  return Math.max(delayAfter(attempt, DELAY_MS_MAX), typeof asked === 'number' ? asked * 1_000 : 0);
}
