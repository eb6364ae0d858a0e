import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import {
  RateLimiterMemory,
  RateLimiterRedis,
  type RateLimiterAbstract,
  type RateLimiterRes,
} from 'rate-limiter-flexible';
import type { Config } from '../config.ts';
import { DomainError } from '../domain/errors.ts';
import { addressGroup, type Caller } from './caller.ts';

const WINDOW_SECONDS = 60;
/** Nobody waits longer than this for Redis. */
const REDIS_DEADLINE_MS = 100;
/** After Redis did not answer, it is left alone for so long. */
const REDIS_PAUSE_MS = 1_000;
/** A token that was right so lately is no guess, whoever else guesses at its address. */
const KNOWN_TOKEN_MS = 10 * 60_000;
const KNOWN_TOKENS_MAX = 10_000;

/** Where a caller stands in the current minute. */
export interface Standing {
  /** What is counted: the requests of a token, those of an address without one, or tokens of an address that were wrong. */
  readonly policy: 'token' | 'address' | 'guesses';
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly isSpent: boolean;
}

export interface RateLimits {
  /** Counts one request, before anything is done for it. Null when these are not limited. Never fails. */
  take(caller: Caller): Promise<Standing | null>;
  noteToken(token: string): void;
  noteGuess(address: string): Promise<void>;
  close(): void;
}

type Settings = Pick<Config, 'rateLimit' | 'rateLimitAnonymous' | 'rateLimitFailures' | 'redisUrl' | 'redisPrefix'>;

/**
 * Counts requests by the minute. With Redis, all processes count together; while it is away each counts for itself, and
 * nobody is refused or kept waiting for that.
 */
export function createRateLimits(settings: Settings): RateLimits {
  const redis = settings.redisUrl ? connect(settings.redisUrl.reveal()) : null;
  const counter = createCounter(redis, `${settings.redisPrefix}rate`);
  const known = new LRUCache<string, true>({ max: KNOWN_TOKENS_MAX, ttl: KNOWN_TOKEN_MS });
  const { rateLimit, rateLimitAnonymous, rateLimitFailures } = settings;

  return {
    async take({ address, token }) {
      if (token !== null && rateLimitFailures !== null && !known.has(keyOf(token))) {
        const standing = standingOf('guesses', rateLimitFailures, await counter.read(guessesOf(address)));
        if (standing.remaining === 0) return { ...standing, isSpent: true };
      }
      const policy = token === null ? 'address' : 'token';
      const limit = token === null ? rateLimitAnonymous : rateLimit;
      if (limit === null) return null;
      const key = token === null ? addressGroup(address) : keyOf(token);
      return standingOf(policy, limit, await counter.add(`${policy}:${key}`));
    },
    noteToken(token) {
      known.set(keyOf(token), true);
    },
    async noteGuess(address) {
      await counter.add(guessesOf(address));
    },
    close: () => redis?.disconnect(),
  };
}

export function rateLimited({ policy, limit, resetSeconds }: Standing): DomainError {
  const what = { token: 'requests with this token', address: 'requests without a token', guesses: 'wrong tokens' }[
    policy
  ];
  const message = `There were more than ${limit} ${what} within a minute. Try again in ${resetSeconds} s.`;
  return new DomainError('RATE_LIMITED', message, { limit, retryAfterSeconds: resetSeconds });
}

/** The fields of draft-ietf-httpapi-ratelimit-headers. */
export function rateLimitHeaders({ policy, limit, remaining, resetSeconds }: Standing): Record<string, string> {
  return {
    'ratelimit-policy': `"${policy}";q=${limit};w=${WINDOW_SECONDS}`,
    ratelimit: `"${policy}";r=${remaining};t=${resetSeconds}`,
  };
}

function standingOf(policy: Standing['policy'], limit: number, counted: RateLimiterRes | null): Standing {
  const used = counted?.consumedPoints ?? 0;
  const resetSeconds = Math.max(1, Math.ceil((counted?.msBeforeNext ?? WINDOW_SECONDS * 1_000) / 1_000));
  return { policy, limit, remaining: Math.max(0, limit - used), resetSeconds, isSpent: used > limit };
}

/** Tokens are not kept, not even in memory. */
function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url').slice(0, 22);
}

function guessesOf(address: string): string {
  return `guesses:${addressGroup(address)}`;
}

function createCounter(redis: Redis | null, keyPrefix: string) {
  const options = { keyPrefix, points: Number.MAX_SAFE_INTEGER, duration: WINDOW_SECONDS };
  const memory = new RateLimiterMemory(options);
  const shared = redis && new RateLimiterRedis({ ...options, storeClient: redis });
  let pausedUntil = 0;

  async function ask<Result>(question: (limiter: RateLimiterAbstract) => Promise<Result>): Promise<Result> {
    if (shared === null || Date.now() < pausedUntil) return question(memory);
    try {
      return await question(shared);
    } catch {
      // Away, or too slow. The outage is logged where hints are sent over Redis, once.
      pausedUntil = Date.now() + REDIS_PAUSE_MS;
      return question(memory);
    }
  }

  return {
    add: (key: string) => ask((limiter) => limiter.penalty(key, 1)),
    read: (key: string) => ask((limiter) => limiter.get(key)),
  };
}

function connect(url: string): Redis {
  const redis = new Redis(url, {
    retryStrategy: (attempt) => Math.min(attempt * 50, 1_000),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: REDIS_DEADLINE_MS,
  });
  redis.on('error', () => {}); // As above.
  return redis;
}
