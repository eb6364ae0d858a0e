import type { IncomingHttpHeaders } from 'node:http';

/** What identifies the current state of what is asked for. */
export interface Validators {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

/** Whether the client has the current state already: RFC 9110, section 13.2.2, of a GET or HEAD. */
export function isNotModified(headers: IncomingHttpHeaders, { etag, lastModified }: Validators): boolean {
  const known = headers['if-none-match'];
  if (known !== undefined)
    return known.trim() === '*' || (etag !== undefined && tagsIn(known).map(weak).includes(weak(etag)));
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return lastModified !== undefined && Date.parse(lastModified) <= since;
}

/** Whether the client wants a state only that is not the current one: `If-Match`, which compares strongly. */
export function isPreconditionFailed(headers: IncomingHttpHeaders, { etag }: Validators): boolean {
  const wanted = headers['if-match'];
  if (wanted === undefined || wanted.trim() === '*') return false;
  return etag === undefined || etag.startsWith('W/') || !tagsIn(wanted).includes(etag);
}

function tagsIn(list: string): readonly string[] {
  return list.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

function weak(etag: string): string {
  return etag.replace(/^W\//, '');
}

/** Both ends are inside. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Which part of a body a client asks for. `whole` also for what may be ignored: several ranges, another unit, a wrong
 * syntax, and a part of a state that is not the current one any more.
 */
export function rangeOf(
  headers: IncomingHttpHeaders,
  validators: Validators,
  size: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const asked = /^bytes=(\d*)-(\d*)$/.exec(headers.range?.replaceAll(' ', '') ?? '');
  if (!asked || !isCurrent(headers['if-range'], validators)) return 'whole';
  const [, from = '', to = ''] = asked;
  if (from === '' && to === '') return 'whole';
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const range = { start: Number(from), end: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
  if (to !== '' && Number(to) < range.start) return 'whole';
  return range.start >= size ? 'unsatisfiable' : range;
}

/** `If-Range` compares strongly: a weak tag does not promise the same bytes. */
function isCurrent(condition: string | string[] | undefined, { etag, lastModified }: Validators): boolean {
  if (condition === undefined) return true;
  if (typeof condition !== 'string') return false;
  if (condition.startsWith('"')) return condition === etag;
  return !condition.startsWith('W/') && condition === lastModified;
}
