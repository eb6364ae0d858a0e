import Anser from 'anser';

/** A part of a line that looks the same all along. */
export interface Piece {
  readonly text: string;
  /** The names of its colours and styles: `ansi-red`, `bold`. */
  readonly styles: readonly string[];
  /** What is searched for. */
  readonly isHit: boolean;
}

// oxlint-disable no-control-regex -- control characters are what this finds
/** What would move a terminal's cursor, change its title or ring its bell. Colours stay. */
const CONTROLS =
  /\u001b(?!\[[\d;]*m)(?:\[[0-?]*[ -/]*[@-~]?|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)?|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f]/g;
// oxlint-enable no-control-regex

/** A line in the colours that a terminal would give it, with each place that holds a text. */
export function piecesOf(message: string, hit: string): readonly Piece[] {
  const clean = message.replaceAll(CONTROLS, '');
  const coloured = clean.includes('\u001b') ? colouredPieces(clean) : [{ text: clean, styles: [] }];
  const text = coloured.map((piece) => piece.text).join('');
  const hits = hit ? placesOf(text, hit) : [];
  const pieces: Piece[] = [];
  let at = 0;
  for (const piece of coloured) {
    for (const part of cut(piece.text, at, hits)) pieces.push({ ...part, styles: piece.styles });
    at += piece.text.length;
  }
  return pieces;
}

/** Without colours, for copying. */
export function plainText(message: string): string {
  return Anser.ansiToText(message.replaceAll(CONTROLS, ''));
}

function colouredPieces(text: string) {
  const parts = Anser.ansiToJson(text, { use_classes: true, remove_empty: true });
  return parts.map(({ content, fg, decorations }) => ({
    text: content,
    styles: [...(fg ? [fg] : []), ...decorations],
  }));
}

type Span = readonly [start: number, end: number];

function placesOf(text: string, hit: string): Span[] {
  const places: Span[] = [];
  for (let at = text.indexOf(hit); at >= 0; at = text.indexOf(hit, at + hit.length)) places.push([at, at + hit.length]);
  return places;
}

/** The parts of a text that begins at a place, at the borders of the hits. */
function cut(text: string, at: number, hits: readonly Span[]): { text: string; isHit: boolean }[] {
  const parts: { text: string; isHit: boolean }[] = [];
  let done = 0;
  const add = (end: number, isHit: boolean) => {
    if (end > done) parts.push({ text: text.slice(done, end), isHit });
    done = Math.max(done, end);
  };
  for (const [start, end] of hits) {
    if (end <= at || start >= at + text.length) continue;
    add(start - at, false);
    add(Math.min(end - at, text.length), true);
  }
  add(text.length, false);
  return parts;
}
