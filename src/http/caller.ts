import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** An identity token has thousands of characters. */
const BEARER = /^Bearer ([\x21-\x7e]{1,10000})$/i;

/** Who a request is counted for. */
export interface Caller {
  readonly address: string;
  /** Not looked up yet. */
  readonly token: string | null;
}

/** The token in an `Authorization` header. Null for anything else. */
export function bearerToken(authorization: string | null | undefined): string | null {
  return BEARER.exec(authorization ?? '')?.[1] ?? null;
}

export function callerOf(request: IncomingMessage, trustedProxies: number): Caller {
  return { address: addressOf(request, trustedProxies), token: bearerToken(request.headers.authorization) };
}

/** The address that the outermost of our own proxies saw. What stands before that, anybody can write. */
export function addressOf({ headers, socket }: IncomingMessage, trustedProxies: number): string {
  const direct = socket.remoteAddress ?? 'unknown';
  if (trustedProxies === 0) return direct;
  const passed = String(headers['x-forwarded-for'] ?? '').split(',');
  const address = passed.at(-trustedProxies)?.trim() ?? '';
  return isIP(address) === 0 ? direct : address;
}

/** One customer has at least a /64 of IPv6: all of it counts as one. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const zeros = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...(tail ? tail.split(':') : [])];
  return `${all.slice(0, 4).join(':')}::/64`;
}
