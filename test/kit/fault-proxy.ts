import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy before one server or several, which take turns. It breaks connections in the ways that networks do. */
export interface FaultProxy extends AsyncDisposable {
  /** Where it answers, by HTTP. */
  readonly url: string;
  /** How many connections it has taken so far. */
  readonly taken: number;
  /** How many of them are open. */
  readonly open: number;
  /** How many it has cut. */
  readonly cuts: number;
  cutAll(): void;
  /** From now on nothing passes on the connections that are open, and nobody is told. Later ones work. */
  freezeAll(): void;
}

export interface FaultProxyOptions {
  readonly targets: readonly string[];
  /** After how many bytes of the server's answers the next connection is cut. Null: not at all. */
  readonly cutAfterBytes?: () => number | null;
}

interface Connection {
  cut(): void;
  freeze(): void;
}

export async function startFaultProxy({ targets, cutAfterBytes }: FaultProxyOptions): Promise<FaultProxy> {
  const connections = new Set<Connection>();
  let taken = 0;
  let cuts = 0;

  function pass(client: Socket): void {
    const { hostname, port } = new URL(targets[taken % targets.length]!);
    taken += 1;
    const server = connect(Number(port), hostname);
    let isFrozen = false;
    let bytesLeft = cutAfterBytes?.() ?? Infinity;
    const connection: Connection = {
      cut() {
        cuts += 1;
        end();
      },
      freeze: () => (isFrozen = true),
    };
    connections.add(connection);

    function end(): void {
      connections.delete(connection);
      client.destroy();
      server.destroy();
    }
    client.on('data', (chunk: Buffer) => {
      if (!isFrozen) server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (isFrozen) return;
      // The last bytes may be half of a message.
      const passed = chunk.subarray(0, bytesLeft);
      bytesLeft -= passed.length;
      const isCut = bytesLeft === 0;
      const hasRoom = client.write(passed, () => isCut && connection.cut());
      if (isCut || !hasRoom) server.pause();
    });
    client.on('drain', () => server.resume());
    client.on('error', end).on('close', end);
    server.on('error', () => {}).on('close', () => !isFrozen && end());
  }

  const listener = createServer(pass);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return {
    url,
    get taken() {
      return taken;
    },
    get open() {
      return connections.size;
    },
    get cuts() {
      return cuts;
    },
    cutAll: () => [...connections].forEach(({ cut }) => cut()),
    freezeAll: () => connections.forEach(({ freeze }) => freeze()),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      [...connections].forEach(({ cut }) => cut());
      await closed;
    },
  };
}
