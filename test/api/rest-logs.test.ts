import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlane, type Answer, type Plane } from '../kit/plane.ts';
import { createOwner, type Member } from '../kit/seed.ts';
import { until } from '../kit/until.ts';
import { holdDeployment } from '../kit/written-log.ts';

let plane: Plane;
let owner: Member;
beforeAll(async () => {
  plane = await startPlane({ roles: ['api'] });
  owner = await createOwner(plane);
});
afterAll(() => plane[Symbol.asyncDispose]());

function logsOf(id: string, accept: string, query = '', headers: Record<string, string> = {}): Promise<Answer> {
  return plane.rest('GET', `/api/deploys/${id}/logs${query}`, { token: owner.token, headers: { accept, ...headers } });
}

/** A request whose answer is read as it comes. */
function open(path: string, headers: Record<string, string>) {
  let text = '';
  let hasEnded = false;
  const call = request(`${plane.url}${path}`, { headers, agent: false }, (response) => {
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('close', () => (hasEnded = true));
  });
  call.on('error', () => {});
  call.end();
  return { text: () => text, hasEnded: () => hasEnded, [Symbol.dispose]: () => void call.destroy() };
}

const numbered = (count: number) => Array.from({ length: count }, (_unused, index) => ({ message: `n${index + 1}` }));
const seqsOf = (events: string) => [...events.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq));

test('the stored log is a text, or lines of JSON after a cursor, whatever its length', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(2_500));

  const text = await logsOf(deployment.id, 'text/plain');
  const json = await logsOf(deployment.id, 'application/x-ndjson', '?after=2498');

  expect([text.status, text.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
  expect(text.body).toBe(
    numbered(2_500)
      .map(({ message }) => `${message}\n`)
      .join(''),
  );
  expect(json.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
  const about = { phase: 'build', stream: 'stdout', level: 'info', at: expect.any(String) };
  expect(
    json.body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { seq: 2_499, message: 'n2499', ...about },
    { seq: 2_500, message: 'n2500', ...about },
  ]);
});

test('a text has its times when they are asked for', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append([{ message: 'one', at: new Date('2026-01-02T03:04:05.678Z') }]);

  const { body } = await logsOf(deployment.id, 'text/plain', '?timestamps=true');

  expect(body).toBe('2026-01-02T03:04:05.678Z one\n');
});

test('an event stream has each line under its seq, live lines too, then the end', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(150));
  using stream = open(`/api/deploys/${deployment.id}/logs`, {
    authorization: `Bearer ${owner.token}`,
    accept: 'text/event-stream',
  });
  await until('what is stored has come', () => seqsOf(stream.text()).length === 150);

  await deployment.append([{ message: 'late' }]);
  await deployment.end();
  await until('the stream has ended', () => stream.hasEnded());

  expect(seqsOf(stream.text())).toEqual(Array.from({ length: 151 }, (_unused, index) => index + 1));
  expect(stream.text()).toContain('"message":"late"');
  expect(stream.text()).toMatch(
    /id: 151-end\nevent: end\ndata: {"status":"failed","cursor":"151","lineCount":151}\n\n$/,
  );
});

test('an event stream goes on after Last-Event-ID, whatever the URL says, and stays away after the end', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append(numbered(10));
  await deployment.end();

  const resumed = await logsOf(deployment.id, 'text/event-stream', '?after=2', { 'last-event-id': '8' });
  const again = await logsOf(deployment.id, 'text/event-stream', '', { 'last-event-id': '10-end' });

  expect(seqsOf(resumed.body)).toEqual([9, 10]);
  expect(again.status).toBe(204);
});

test('text and lines of JSON are followed to the end when asked', async () => {
  const deployment = await holdDeployment(plane, owner);
  const headers = { authorization: `Bearer ${owner.token}`, accept: 'application/x-ndjson' };
  using stream = open(`/api/deploys/${deployment.id}/logs?follow=true`, headers);
  await deployment.append([{ message: 'one' }]);
  await until('the line has come', () => stream.text().includes('one'));

  await deployment.end();
  await until('the stream has ended', () => stream.hasEnded());

  const last = stream.text().trim().split('\n').at(-1)!;
  expect(JSON.parse(last)).toEqual({ end: { status: 'failed', cursor: '1', lineCount: 1 } });
});

test('lines are filtered, and the cursor of an event stream moves over those that are not sent', async () => {
  const deployment = await holdDeployment(plane, owner);
  await deployment.append([
    { message: 'hay', phase: 'infra' },
    { message: 'needle', stream: 'stderr', level: 'warn' },
    { message: 'needle', stream: 'stdout', level: 'error' },
    { message: 'hay' },
  ]);
  await deployment.end();

  const seqs = async (query: string) => {
    const { body } = await logsOf(deployment.id, 'application/x-ndjson', query);
    return body
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
  };
  expect(await seqs('?phase=infra&phase=build')).toEqual([1, 2, 3, 4]);
  expect(await seqs('?phase=infra')).toEqual([1]);
  expect(await seqs('?stream=stderr')).toEqual([2]);
  expect(await seqs('?minLevel=error')).toEqual([3]);
  expect(await seqs('?contains=needle&after=2')).toEqual([3]);
  const events = await logsOf(deployment.id, 'text/event-stream', '?stream=stderr');
  expect(events.body).toMatch(/^id: 2\ndata: .*\n\nid: 4\n\nid: 4-end\nevent: end\n/);
});

test.each([
  ['?phase=deploy', 'phase.0 must be one of'],
  ['?stream=out', 'stream.0 must be one of'],
  ['?minLevel=loud', 'minLevel must be one of'],
  ['?follow=yes', 'follow must be true or false'],
  ['?after=abc', 'The cursor is not a number'],
])('the query %s is refused with what is wrong', async (query, problem) => {
  const { id } = await holdDeployment(plane, owner);

  for (const accept of ['text/plain', 'text/event-stream']) {
    const { status, body } = await logsOf(id, accept, query);
    expect([status, JSON.parse(body).code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(JSON.parse(body).detail).toContain(problem);
  }
});

test("another tenant's log is not there in any form", async () => {
  const { id } = await holdDeployment(plane, await createOwner(plane));

  const statuses = [];
  for (const accept of ['text/plain', 'application/x-ndjson', 'text/event-stream'])
    statuses.push((await logsOf(id, accept)).status);

  expect(statuses).toEqual([404, 404, 404]);
});

test('HEAD answers at once how a log would be answered, even one that goes on', async () => {
  const { id } = await holdDeployment(plane, owner);

  const { status, headers, body } = await plane.rest('HEAD', `/api/deploys/${id}/logs`, {
    token: owner.token,
    headers: { accept: 'text/event-stream' },
  });

  expect([status, headers['content-type'], body]).toEqual([200, 'text/event-stream; charset=utf-8', '']);
});
