import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { metrics } from '../metrics.ts';

/**
 * Ends connections whose other side has taken nothing of what waits for it for `stallMs`: what waits there costs memory.
 * A follower can go on after its cursor, on a new connection. WebSockets have a watch of their own, with a close code.
 */
export function dropStalledConnections(server: Server, stallMs: number): { stop(): void } {
  const connections = new Map<Socket, { taken: number; movedAt: number }>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { taken: 0, movedAt: Date.now() });
    socket.once('close', () => connections.delete(socket));
  });
  server.on('upgrade', ({ socket }) => connections.delete(socket));

  const timer = setInterval(() => {
    for (const [socket, seen] of connections) {
      const taken = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || taken !== seen.taken) {
        seen.taken = taken;
        seen.movedAt = Date.now();
      } else if (Date.now() - seen.movedAt >= stallMs) {
        metrics.stalled.inc({ transport: 'http' });
        socket.destroy();
      }
    }
  }, stallMs / 12);
  return { stop: () => clearInterval(timer) };
}
