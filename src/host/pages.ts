import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** An answer of the gateway itself: never cached, and plain about what is going on. */
export interface Page {
  readonly status: 400 | 403 | 404 | 405 | 501 | 502 | 503 | 504;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TITLE: Record<Page['status'], string> = {
  400: 'Bad request',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  501: 'Not understood',
  502: 'No answer',
  503: 'Not ready',
  504: 'No answer in time',
};

export function unknownAppPage(host: string): Page {
  const message = `No app serves at ${JSON.stringify(host)}. Either the address is wrong, or nothing has been deployed there yet.`;
  return { status: 404, message };
}

/** Why a live release takes no traffic at the moment. */
export type Pause = 'starting' | 'restarting';

export function pausedPage(subdomain: string, pause: Pause): Page {
  const message = {
    starting: `The app ${subdomain} is starting. Try again in a moment.`,
    restarting: `The app ${subdomain} has stopped and is being started again. Try again in a moment.`,
  }[pause];
  return { status: 503, message, headers: { 'retry-after': pause === 'starting' ? '2' : '5' } };
}

export function brokenAppPage(subdomain: string): Page {
  return { status: 502, message: `The app ${subdomain} closed the connection before it answered.` };
}

export function lateAppPage(subdomain: string, limitMs: number): Page {
  return { status: 504, message: `The app ${subdomain} did not begin to answer within ${limitMs / 1000} s.` };
}

/** Sends a page, or breaks the connection off when an answer is under way already. */
export function sendPage(reply: ServerResponse, page: Page): void {
  if (reply.headersSent) return void reply.destroy();
  // With its reason: an answer that could not be sent on may have left another one in the reply.
  reply.writeHead(page.status, STATUS_CODES[page.status], {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    ...page.headers,
  });
  reply.end(htmlOf(page));
}

/** The same for a request to upgrade, which has a bare socket. */
export function sendPageTo(socket: Socket, { status, message, headers = {} }: Page): void {
  const lines = Object.entries({ 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${TITLE[status]}\r\n${head}\r\n${message}\n`);
}

function htmlOf({ status, message }: Page): string {
  const text = message.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${status} ${TITLE[status]}</title>` +
    `<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;margin:20vh auto;max-width:34rem;padding:0 1rem}` +
    `h1{font-size:3rem;margin:0}small{opacity:.6}</style>` +
    `<h1>${status}</h1><p><strong>${TITLE[status]}.</strong> ${text}</p><small>Windlass gateway</small></html>\n`
  );
}
