import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call that the server has answered, before the answer goes back. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly answer: IncomingMessage;
  /** Passes the answer on as it is. */
  relay(): void;
}

/** An HTTP proxy before a server. It does with answers what its test says. */
export async function startHttpProxy(target: string, onAnswer: (exchange: Exchange) => void) {
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers, url } = request;
    const body = Buffer.concat(await request.toArray());
    const upstream = httpRequest(`${target}${url}`, { method, headers }, (answer) => {
      const relay = () => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      };
      onAnswer({ request, body, response, answer, relay });
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    upstream.end(body);
  }

  const server = createServer((request, response) => void pass(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
