export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * The events of a `text/event-stream`, as the WHATWG's HTML standard has them, without ids and retry times. Whatever comes
 * counts for `onAlive`: comments are how servers keep a connection.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  onAlive: () => void,
): AsyncGenerator<ServerSentEvent, void, void> {
  let type = '';
  let data: string[] = [];
  for await (const line of linesOf(body, onAlive)) {
    if (line === '') {
      if (data.length > 0) yield { type: type || 'message', data: data.join('\n') };
      type = '';
      data = [];
      continue;
    }
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === 'event') type = value ?? '';
    if (field === 'data') data.push(value ?? '');
  }
}

/** A line ends with LF, CR, or both. What has no end yet is not a line. */
async function* linesOf(body: ReadableStream<Uint8Array>, onAlive: () => void): AsyncGenerator<string, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  // A long line comes in many pieces: they are joined once, at its end.
  let begun: string[] = [];
  let endedWithCr = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onAlive();
    const text = decoder.decode(value, { stream: true });
    const lines = (endedWithCr && text.startsWith('\n') ? text.slice(1) : text).split(/\r\n|\n|\r/);
    if (text !== '') endedWithCr = text.endsWith('\r');
    const rest = lines.pop()!;
    for (const line of lines) {
      yield begun.join('') + line;
      begun = [];
    }
    begun.push(rest);
  }
}
