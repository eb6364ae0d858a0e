import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { openDatabase } from './database.mjs';

const database = openDatabase();
const page = readFileSync('dist/page.html', 'utf8');

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/healthz') return respond(response, 200, 'text/plain', 'ok\n');
  if (pathname === '/') {
    const visits = database.write((db) => {
      db.run('insert into visits default values');
      return db.get('select count(*) as count from visits').count;
    });
    return respond(response, 200, 'text/html; charset=utf-8', page.replace('{{visits}}', String(visits)));
  }
  const asset = /^\/assets\/[a-z0-9.-]+\.css$/.test(pathname) && `dist${pathname}`;
  if (asset && existsSync(asset)) {
    return respond(response, 200, 'text/css', readFileSync(asset), 'public, max-age=31536000, immutable');
  }
  respond(response, 404, 'text/plain', 'Not found.\n');
});

function respond(response, status, type, body, cacheControl = 'no-store') {
  response.writeHead(status, { 'content-type': type, 'cache-control': cacheControl }).end(body);
}

server.listen(process.env.PORT, process.env.HOST, () => console.log(`Listening on port ${process.env.PORT}.`));
process.on('SIGTERM', () => {
  server.close(() => {
    database.close();
    process.exit(0);
  });
});
