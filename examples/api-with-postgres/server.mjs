import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 });

const ROUTES = {
  'GET /healthz': async () => {
    await pool.query('select 1');
    return { status: 'ok' };
  },
  'GET /notes': async () => (await pool.query('select id, text, at from notes order by id desc limit 100')).rows,
  'POST /notes': async (request) => {
    const note = (await text(request)).trim();
    return (await pool.query('insert into notes (text) values ($1) returning id, text, at', [note])).rows[0];
  },
};

const server = createServer((request, response) => {
  const route = ROUTES[`${request.method} ${request.url}`];
  if (!route) return respond(response, 404, { error: 'Not found.' });
  route(request).then(
    (body) => respond(response, 200, body),
    (error) => {
      console.error(error);
      respond(response, 500, { error: 'Something went wrong.' });
    },
  );
});

function respond(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

server.listen(process.env.PORT, process.env.HOST);
process.on('SIGTERM', () => server.close(() => void pool.end()));
