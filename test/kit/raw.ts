import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface RawAnswer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly text: string;
}

/** Sends bytes as they are, piece by piece, and gives the first answer once it is whole, or the other side has closed. */
export async function sendRaw(
  url: string,
  pieces: Iterable<string | Buffer>,
  { pauseMs = 0, deadlineMs = 20_000 }: { pauseMs?: number; deadlineMs?: number } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isWhole(text)) resolve();
    });
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
    socket.setTimeout(deadlineMs, () => resolve());
  });
  const writing = (async () => {
    for (const piece of pieces) {
      if (socket.destroyed) return;
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
      if (pauseMs > 0) await delay(pauseMs);
    }
  })();
  await ended;
  socket.destroy();
  await writing;
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text };
}

/** Whether an answer has all of the body that its head announces; without a length, its end is that of the connection. */
function isWhole(text: string): boolean {
  const [head, body] = text.split(/\r\n\r\n([^]*)/);
  if (body === undefined) return false;
  if (/^HTTP\/1\.1 (?:204|304) /.test(text)) return true;
  if (/^transfer-encoding: chunked$/im.test(head!)) return body.endsWith('0\r\n\r\n');
  const [, length] = /^content-length: (\d+)$/im.exec(head!) ?? [];
  return length !== undefined && body.length >= Number(length);
}
