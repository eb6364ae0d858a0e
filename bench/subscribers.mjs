// A crowd of WebSocket subscribers in a process of its own. Told over IPC what to do, it tells what came when. Plain
// JavaScript: what it costs is not what is measured.
import WebSocket from 'ws';

const MARK = /mark:(\d+):([\d.]+)/g;
const now = () => performance.timeOrigin + performance.now();

/** Arrivals of each mark. */
const marks = new Map();
const sockets = [];

async function connect({ url, token, payload, count, parallel }) {
  const begun = now();
  let next = 0;
  const connectOne = () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
      sockets.push(socket);
      socket.on('error', reject);
      socket.on('open', () =>
        socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } })),
      );
      socket.on('message', (/** @type {Buffer} */ data) => {
        const text = data.toString();
        if (text.includes('"connection_ack"')) {
          socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload }));
          resolve();
        } else noteArrival(text);
      });
    });
  const lane = async () => {
    while (next < count) {
      next += 1;
      await connectOne();
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  process.send({ kind: 'connected', ms: now() - begun });
}

/** One message may carry several batches. */
function noteArrival(text) {
  for (const [, mark, sentAt] of text.matchAll(MARK)) {
    const arrivals = marks.get(mark) ?? [];
    if (arrivals.length === 0) marks.set(mark, arrivals);
    arrivals.push(now() - Number(sentAt));
    if (arrivals.length === sockets.length) process.send({ kind: 'arrived', mark: Number(mark), latencies: arrivals });
  }
}

process.on('message', (message) => {
  if (message.kind === 'connect')
    connect(message).catch((error) => {
      throw error;
    });
  else process.exit(0);
});
