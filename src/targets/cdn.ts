import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { PhaseFailure } from '../domain/errors.ts';
import type { Purge, TargetContext } from './target.ts';

/** Caches before the gateway that are told what a deployment made old. Null: there is none. */
export interface Cdn {
  /** Gets an HTTP PURGE for each path. */
  readonly purgeUrl: string | null;
  /** Gets one POST for each deployment. */
  readonly purgeWebhook: string | null;
}

const ATTEMPTS = 3;
const BACK_OFF_MS = 250;
const DEADLINE_MS = 10_000;
/** What stands for everything of an app, and for its surrogate keys. */
const ALL_PATH = '/*';

interface Call {
  readonly url: URL;
  readonly method: 'PURGE' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Tells the configured caches about a purge, in order. Throws PURGE_FAILED when one does not take it after three times. */
export async function purgeCdn(
  { purgeUrl, purgeWebhook }: Cdn,
  { id, host }: { id: string; host: string },
  purge: Purge,
  context: Pick<TargetContext, 'claim' | 'signal' | 'log'>,
): Promise<void> {
  if (purgeUrl !== null) {
    const calls = purgeCalls(purgeUrl, host, purge);
    for (const call of calls) await send(call, 'cache at WINDLASS_CDN_PURGE_URL', context);
    context.log(`Sent ${calls.length} PURGE ${calls.length === 1 ? 'request' : 'requests'} to the CDN.`);
  }
  if (purgeWebhook !== null) {
    const { paths, surrogateKeys } = purge;
    const body = JSON.stringify({ app: id, host, paths, surrogateKeys, deploymentId: context.claim.deploymentId });
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    await send({ url: new URL(purgeWebhook), method: 'POST', headers, body }, 'webhook of the CDN', context);
    context.log('Told the webhook of the CDN.');
  }
}

function purgeCalls(base: string, host: string, { paths, surrogateKeys }: Purge): Call[] {
  const isAll = paths.length + surrogateKeys.length === 0;
  const urlOf = (path: string) => new URL(base.replace(/\/$/, '') + path);
  const calls = (isAll ? [ALL_PATH] : paths).map(
    (path): Call => ({ url: urlOf(path), method: 'PURGE', headers: { host } }),
  );
  if (surrogateKeys.length === 0) return calls;
  const headers = { host, 'surrogate-key': surrogateKeys.join(' ') };
  return [...calls, { url: urlOf(ALL_PATH), method: 'PURGE', headers }];
}

async function send(call: Call, name: string, { signal, log }: Pick<TargetContext, 'signal' | 'log'>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await sendOnce(call, signal);
    } catch (cause) {
      signal.throwIfAborted();
      // Not the address: it may hold a secret.
      const message = `The ${name} could not be told to purge: ${(cause as Error).message}.`;
      if (attempt === ATTEMPTS) {
        const hint = 'Look whether it answers 2xx to this machine, then retry.';
        throw new PhaseFailure('PURGE_FAILED', message, { retryable: true, hint }, { cause });
      }
      log(`${message} Trying again.`, { level: 'warn' });
      await delay(BACK_OFF_MS * 4 ** (attempt - 1), undefined, { signal });
    }
  }
}

/** `fetch` would drop the Host header. */
function sendOnce({ url, method, headers, body }: Call, signal: AbortSignal): Promise<void> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const options: RequestOptions = { method, headers, timeout: DEADLINE_MS, agent: false, signal };
  return new Promise((resolve, reject) => {
    const call = request(url, options, (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) resolve();
      else reject(new Error(`it answered ${statusCode}`));
    });
    call.on('timeout', () => call.destroy(new Error('it did not answer in time')));
    call.on('error', (error: NodeJS.ErrnoException) => reject(error.code ? new Error(codeText(error.code)) : error));
    call.end(body);
  });
}

/** Node's own message names the address. */
function codeText(code: string): string {
  return code === 'ECONNREFUSED' ? 'nothing listens there' : `the connection failed with ${code}`;
}
