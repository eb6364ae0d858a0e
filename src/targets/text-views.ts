/** A text as its reader understands it, and where each of its characters stands in the line that was written. */
export interface TextView {
  readonly text: string;
  /** Where in the line a character of the text begins, or would. */
  begin(index: number): number;
  /** Where in the line a character of the text ends. */
  end(index: number): number;
}

// oxlint-disable no-control-regex -- control characters are what these find
// Each pattern finds a sequence that the end of the text broke off as well, and such a one says nothing.
const COLOURS = /\u001b(?:\[[0-9;:]*(?:m|$)|$)/g;
// oxlint-enable no-control-regex
const BACKSLASHES = /\\(?:u(?:[0-9a-fA-F]{4}|[0-9a-fA-F]{0,3}$)|x(?:[0-9a-fA-F]{2}|[0-9a-fA-F]?$)|[^]|$)/g;
const PERCENTS =
  /%(?:[0-7][0-9a-f]|[cd][0-9a-f](?:%[89ab][0-9a-f])|e[0-9a-f](?:%[89ab][0-9a-f]){2}|f[0-7](?:%[89ab][0-9a-f]){3}|[c-f][0-9a-f](?:%[89ab][0-9a-f]){0,2}(?:%[89ab]?)?$|[0-9a-f]?$)/gi;
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' };

/** A text in a JSON text in a JSON text is as deep as logs go. */
const DEPTH = 3;

/**
 * A line without its colours and with its escapes undone, backslashes (JSON, JavaScript) and percents (URLs) in turn. The
 * line itself comes first; what changes nothing gives no view. A line that has both is seen with each of them undone
 * alone as well: the other one may be the secret's own.
 */
export function viewsOf(line: string): TextView[] {
  const written: TextView = { text: line, begin: (index) => index, end: (index) => index + 1 };
  const hasBoth = line.includes('\\') && line.includes('%');
  const chains = hasBoth ? [REWRITES, [UNCOLOUR, UNESCAPE], [UNCOLOUR, DECODE]] : [REWRITES];
  return [written, ...chains.flatMap((rewrites) => rewritesOf(written, rewrites))];
}

function rewritesOf(written: TextView, rewrites: readonly Rewrite[]): TextView[] {
  const views: TextView[] = [];
  let view = written;
  for (let round = 0; round < DEPTH; round += 1) {
    const before = view;
    for (const [pattern, mark, meaning] of rewrites) {
      if (!view.text.includes(mark)) continue;
      const rewritten = rewrite(view, pattern, meaning);
      if (rewritten !== null) views.push((view = rewritten));
    }
    if (view === before) break;
  }
  return views;
}

type Meaning = (sequence: string) => string;
type Rewrite = readonly [pattern: RegExp, mark: string, meaning: Meaning];

const UNCOLOUR: Rewrite = [COLOURS, '\u001b', () => ''];
const UNESCAPE: Rewrite = [BACKSLASHES, '\\', unescape];
const DECODE: Rewrite = [PERCENTS, '%', decode];
const REWRITES = [UNCOLOUR, UNESCAPE, DECODE];

/** The places are worked out only when they are asked for: hardly a line has a secret. */
function rewrite(view: TextView, pattern: RegExp, meaning: Meaning): TextView | null {
  const text = view.text.replace(pattern, meaning);
  if (text === view.text) return null;
  let places: Places | null = null;
  const known = () => (places ??= placesOf(view, pattern, meaning));
  return { text, begin: (index) => known().begins[index]!, end: (index) => known().ends[index]! };
}

interface Places {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

function placesOf(view: TextView, pattern: RegExp, meaning: Meaning): Places {
  const begins: number[] = [];
  const ends: number[] = [];
  let at = 0;
  const keepUntil = (end: number) => {
    for (; at < end; at += 1) {
      begins.push(view.begin(at));
      ends.push(view.end(at));
    }
  };
  for (const { 0: sequence, index } of view.text.matchAll(pattern)) {
    keepUntil(index);
    at += sequence.length;
    for (let count = 0; count < meaning(sequence).length; count += 1) {
      begins.push(view.begin(index));
      ends.push(view.end(at - 1));
    }
  }
  keepUntil(view.text.length);
  return { begins, ends };
}

function unescape(sequence: string): string {
  const kind = sequence[1] ?? '';
  if (kind !== 'u' && kind !== 'x') return CONTROLS[kind] ?? kind;
  const isWhole = sequence.length === (kind === 'u' ? 6 : 4);
  return isWhole ? String.fromCharCode(Number.parseInt(sequence.slice(2), 16)) : '';
}

function decode(sequence: string): string {
  try {
    return decodeURIComponent(sequence);
  } catch {
    return ''; // Broken off, or no character.
  }
}
