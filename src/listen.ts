import type { Server } from 'node:http';

/** Where this machine reaches a server that listens on a host; a wildcard is no address to go to. */
export function localUrl(host: string, port: number): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Resolves once a server listens. Rejects with a sentence when it may not, as when the port is taken. */
export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const problem = listenProblem(cause, port, host);
      reject(problem === null ? cause : new ListenError(problem, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const OTHER_PORT =
  'Set WINDLASS_PORT or WINDLASS_GATEWAY_PORT to another one (0 picks a free one), or start the demo with --port 0.';

function listenProblem({ code }: NodeJS.ErrnoException, port: number, host: string): string | null {
  if (code === 'EADDRINUSE') return `Port ${port} on ${host} is taken by another program. ${OTHER_PORT}`;
  if (code === 'EACCES') return `This user may not listen on port ${port}. ${OTHER_PORT}`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `${host} is no address of this machine. Set WINDLASS_HOST to one; 0.0.0.0 means all.`;
  }
  return null;
}
