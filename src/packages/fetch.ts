import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ForbiddenHostError, type PublicHosts } from './public-hosts.ts';

/** Whoever gave the address is at fault. The message is a full sentence without the address, which may hold a secret. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
}

const REDIRECTS_MAX = 5;
const SILENCE_MS = 30_000;

/**
 * Opens what an address leads to, over http or https, from a public host: each redirect is looked at as the address
 * itself, and each connection goes to the addresses that were looked at. The signal ends it, also while it is read.
 * Throws FetchError.
 */
export async function openUrl(
  hosts: PublicHosts,
  address: string,
  { bytesMax, signal }: { bytesMax: number; signal: AbortSignal },
): Promise<IncomingMessage> {
  let url = parseUrl(address);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const response = await ask(hosts, url, signal);
    const { statusCode = 0, headers } = response;
    const isRedirect = [301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined;
    if (!isRedirect) return checked(response, bytesMax);
    response.destroy();
    if (!URL.canParse(headers.location!, url)) throw new FetchError('A redirect leads to no valid address.');
    url = parseUrl(new URL(headers.location!, url).href);
  }
  throw new FetchError(`There were more than ${REDIRECTS_MAX} redirects.`);
}

/** The address, if something can be fetched from it. */
export function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new FetchError('Only http and https can be fetched from.');
  if (url.username !== '' || url.password !== '') {
    throw new FetchError('An address with a user or a password is not fetched from.');
  }
  return url;
}

function ask(hosts: PublicHosts, url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const options: RequestOptions = {
    agent: false,
    lookup: hosts.lookup,
    headers: { 'accept-encoding': 'identity', 'user-agent': 'windlass' },
    timeout: SILENCE_MS,
    signal,
  };
  return new Promise((resolve, reject) => {
    try {
      hosts.assertMayReach(url.hostname);
    } catch (error) {
      return reject(fetchError(error as Error));
    }
    const call = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    call.on('timeout', () => call.destroy(new FetchError(`Nothing came for ${SILENCE_MS / 1_000} seconds.`)));
    call.on('error', (error: NodeJS.ErrnoException) => reject(fetchError(error)));
    call.end();
  });
}

/** Node's own message names the address. */
function fetchError(error: NodeJS.ErrnoException): Error {
  if (error instanceof FetchError) return error;
  if (error instanceof ForbiddenHostError) return new FetchError(error.message, { cause: error });
  if (error.name === 'AbortError') return new FetchError('It took too long.', { cause: error });
  return new FetchError(`The connection failed with ${error.code ?? 'an error'}.`, { cause: error });
}

function checked(response: IncomingMessage, bytesMax: number): IncomingMessage {
  const { statusCode, headers } = response;
  const problem =
    statusCode !== 200
      ? `The answer was ${statusCode}.`
      : Number(headers['content-length'] ?? 0) > bytesMax
        ? `It is larger than the limit of ${bytesMax} bytes.`
        : null;
  if (problem === null) return response;
  response.destroy();
  throw new FetchError(problem);
}
