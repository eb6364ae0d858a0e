import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config.ts';
import { callerOf } from './caller.ts';
import { answerOrigin } from './origin.ts';
import { rateLimited, rateLimitHeaders, type RateLimits } from './rate-limit.ts';

/** What is asked of a request before anything is done for it. */
export interface Admission extends Pick<Config, 'allowedOrigins' | 'trustedProxies'> {
  readonly rateLimits: RateLimits;
}

/** Throws FORBIDDEN or RATE_LIMITED. Answers whether that was all that was asked. */
export async function admit(
  { rateLimits, allowedOrigins, trustedProxies }: Admission,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (answerOrigin(allowedOrigins, request, response)) return true;
  const standing = await rateLimits.take(callerOf(request, trustedProxies));
  if (standing === null) return false;
  for (const [name, value] of Object.entries(rateLimitHeaders(standing))) response.setHeader(name, value);
  if (standing.isSpent) throw rateLimited(standing);
  return false;
}
