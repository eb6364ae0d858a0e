import type { Server } from 'node:http';

/** Where this machine reaches a server that listens on a host; a wildcard is no address to go to. */
export function localUrl(host: string, port: number): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The settings that say where a server listens. */
export type ListenSetting = 'WINDLASS_PORT' | 'WINDLASS_GATEWAY_PORT' | 'WINDLASS_METRICS';

/** Resolves once a server listens. Rejects with a sentence when it may not, as when the port is taken. */
export function listen(
  server: Server,
  { port, host, setting }: { port: number; host: string; setting: ListenSetting },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const problem = listenProblem(cause, port, host, setting);
      reject(problem === null ? cause : new ListenError(problem, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const ANOTHER: Record<ListenSetting, string> = {
  WINDLASS_PORT: 'another one (0 picks a free one), or start the demo with --port 0',
  WINDLASS_GATEWAY_PORT: 'another one (0 picks a free one)',
  WINDLASS_METRICS: 'an address with another one, such as 127.0.0.1:9464',
};

function listenProblem(
  { code }: NodeJS.ErrnoException,
  port: number,
  host: string,
  setting: ListenSetting,
): string | null {
  const change = `Set ${setting} to ${ANOTHER[setting]}.`;
  if (code === 'EADDRINUSE') return `Port ${port} on ${host} is taken by another program. ${change}`;
  if (code === 'EACCES') return `This user may not listen on port ${port}. ${change}`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const hostSetting = setting === 'WINDLASS_METRICS' ? setting : 'WINDLASS_HOST';
    return `${host} is no address of this machine. Set ${hostSetting} to one; 0.0.0.0 means all.`;
  }
  return null;
}
