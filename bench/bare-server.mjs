// What the machine gives by itself: one message, made once, is written to each socket, and nothing else is done. What
// arrives over IPC is sent as it is.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const server = createServer();
const sockets = new WebSocketServer({ server, path: '/graphql' });
sockets.on('connection', (socket) =>
  socket.on('message', (/** @type {Buffer} */ data) => {
    if (data.toString().includes('"connection_init"')) socket.send(JSON.stringify({ type: 'connection_ack' }));
  }),
);
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('message', (batch) => {
  const payload = { data: { deploymentLogs: batch } };
  const message = Buffer.from(JSON.stringify({ id: '1', type: 'next', payload }));
  for (const socket of sockets.clients) socket.send(message, { binary: false });
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
