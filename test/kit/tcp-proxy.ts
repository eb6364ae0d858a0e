import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP relay before a server, which loses on purpose what goes through it. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Nothing goes through any more in either direction; connections stay open, as when a cable is pulled. */
  cut(): void;
  heal(): void;
  /** Closes the connection on which this text is sent, before the server's next answer to it gets back. */
  loseAnswerTo(text: string): Promise<void>;
  /** The same for the commit of the transaction in which this text is sent. */
  loseCommitAfter(text: string): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  let losing: { text: string; isCommit: boolean; lost(): void } | null = null;

  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    const pair = [client, upstream] as const;
    let isLosing: (() => void) | null = null;
    let committing: (() => void) | null = null;
    pairs.add(pair);
    if (isCut) pause(pair);
    client.on('data', (chunk: Buffer) => {
      if (losing && chunk.includes(losing.text)) {
        if (losing.isCommit) committing = losing.lost;
        else isLosing = losing.lost;
        losing = null;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      // By the server's word: who sends a commit may have prepared it before, and name it only.
      if (committing && chunk.includes('COMMIT\0')) isLosing = committing;
      if (!isLosing) {
        client.write(chunk);
        return;
      }
      client.destroy();
      isLosing();
      isLosing = null;
    });
    const close = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) {
      socket.on('error', close);
      socket.on('close', close);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const pair of pairs) pause(pair);
    },
    heal() {
      isCut = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    loseAnswerTo: (text) => new Promise((lost) => (losing = { text, isCommit: false, lost })),
    loseCommitAfter: (text) => new Promise((lost) => (losing = { text, isCommit: true, lost })),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await closed;
    },
  };
}

function pause(pair: readonly [Socket, Socket]): void {
  for (const socket of pair) socket.pause();
}
