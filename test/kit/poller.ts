import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from './until.ts';

export interface Polled {
  readonly status: number | null;
  readonly body: string;
}

/** A client that asks again and again over one kept-alive connection, each time once it has the answer before. */
export interface Poller extends AsyncDisposable {
  readonly answers: readonly Polled[];
  /** Everything that was not a 200, connections that broke among them. */
  failures(): readonly Polled[];
  /** The bodies in order, each once for every time it came anew. */
  versions(): readonly string[];
  untilBody(body: string): Promise<void>;
  stop(): Promise<void>;
}

/** The gateway of a plane or a cluster. */
export interface PolledGateway {
  readonly gatewayPort: number;
  readonly config?: { readonly gatewayDomain: string };
}

export interface PollerOptions {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly everyMs?: number;
}

export function startPoller(
  { gatewayPort, config = { gatewayDomain: 'localhost' } }: PolledGateway,
  subdomain: string,
  { method = 'GET', path = '/', body, everyMs = 20 }: PollerOptions = {},
): Poller {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const answers: Polled[] = [];
  let isStopped = false;

  function ask(): Promise<Polled> {
    const headers = { host: `${subdomain}.${config.gatewayDomain}` };
    return new Promise((resolve) => {
      const options = { host: '127.0.0.1', port: gatewayPort, method, path, headers, agent };
      const broken = (error: Error) => resolve({ status: null, body: error.message });
      const call = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', broken);
        response.on('end', () => resolve({ status: response.statusCode ?? null, body: text }));
      });
      call.on('error', broken);
      call.end(body);
    });
  }

  const done = (async () => {
    while (!isStopped) {
      const startedAt = performance.now();
      answers.push(await ask());
      await delay(Math.max(0, everyMs - (performance.now() - startedAt)));
    }
    agent.destroy();
  })();
  const stop = () => {
    isStopped = true;
    return done;
  };

  return {
    answers,
    failures: () => answers.filter(({ status }) => status !== 200),
    versions: () =>
      answers.map((answer) => answer.body).filter((version, index, bodies) => version !== bodies[index - 1]),
    untilBody: async (version) => {
      await until(`${subdomain} answers ${version}`, () => answers.at(-1)?.body === version);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
