import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readServerSentEvents, type ServerSentEvent } from '../../src/client/event-stream.ts';

async function read(chunks: readonly Uint8Array[]): Promise<{ events: ServerSentEvent[]; signs: number }> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  let signs = 0;
  const events: ServerSentEvent[] = [];
  for await (const event of readServerSentEvents(body, () => (signs += 1))) events.push(event);
  return { events, signs };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

test('events are the same wherever the bytes are split, and whichever way the lines end', async () => {
  const event = fc.record({
    type: fc.constantFrom('next', 'complete', 'message'),
    // JSON holds no line end, but it may hold what other programs take for one.
    data: fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(`${text}\u2028é\u{1f600}: `)),
  });
  const lineEnd = fc.constantFrom('\n', '\r', '\r\n');
  const size = fc.integer({ min: 1, max: 60 });

  await fc.assert(
    fc.asyncProperty(fc.array(event), lineEnd, size, async (sent, end, bytesEach) => {
      const lines = sent.flatMap(({ type, data }) => [':', `event: ${type}`, `data: ${data}`, '']);
      const bytes = bytesOf(lines.map((line) => line + end).join(''));
      const chunks = Array.from({ length: Math.ceil(bytes.length / bytesEach) }, (_unused, index) =>
        bytes.subarray(index * bytesEach, (index + 1) * bytesEach),
      );

      expect((await read(chunks)).events).toEqual(sent);
    }),
  );
});

test('fields are read as the standard says', async () => {
  const text = 'data\n\nevent: next\n\nid: 7\ndata:one\ndata:  two\n\nevent\ndata: three\n\n';

  expect((await read([bytesOf(text)])).events).toEqual([
    { type: 'message', data: '' },
    { type: 'message', data: 'one\n two' },
    { type: 'message', data: 'three' },
  ]);
});

test('an event without its empty line is not an event, and a comment is a sign of life', async () => {
  expect(await read([bytesOf(':\n\n'), bytesOf('event: next\ndata: 1\n')])).toEqual({ events: [], signs: 2 });
});
