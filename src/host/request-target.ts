import type { IncomingMessage } from 'node:http';
import type { Page } from './pages.ts';

/**
 * Brings what a request is for into one form, a path in `url` and its host in `headers.host`, or says why it cannot be
 * answered. Whatever two programs could read in two ways is refused, as one of them may stand before the gateway.
 */
export function settleTarget(request: IncomingMessage): Page | null {
  if ((request.headersDistinct['host'] ?? []).length > 1) {
    return { status: 400, message: 'The request names more than one host.' };
  }
  const coding = request.headers['transfer-encoding']?.toLowerCase();
  if (coding !== undefined && coding !== 'chunked') {
    return { status: 501, message: 'The only transfer coding that is understood is "chunked".' };
  }
  // As proxies are asked. It goes before the Host header: RFC 9112, section 3.2.2.
  const [, authority, target] = /^https?:\/\/([^/?#@]+)(.*)$/i.exec(request.url ?? '') ?? [];
  if (authority !== undefined) {
    request.headers.host = authority;
    request.url = target!.startsWith('/') ? target! : `/${target!}`;
  }
  if (request.url?.startsWith('/')) return null;
  return { status: 400, message: 'The request must name a path that begins with "/".' };
}

/** The subdomain that a host names, whatever its case, its port and a dot at its end; null when it is not below the domain. */
export function subdomainOf(host: string, domain: string): string | null {
  const name = host.replace(/\.?(?::\d*)?$/, '').toLowerCase();
  const suffix = `.${domain}`;
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : null;
}
