import { piecesOf } from './ansi-pieces.ts';
import classes from './ansi-text.module.css';

/** A line of output in its colours, as far as the theme has them, with each place marked that holds a text. */
export function AnsiText({ text, hit = '' }: { text: string; hit?: string }) {
  return piecesOf(text, hit).map(({ text: piece, styles, isHit }, index) => {
    const look = styles.map((style) => classes[style] ?? '').join(' ') || undefined;
    const Part = isHit ? 'mark' : 'span';
    return (
      <Part key={index} className={look}>
        {piece}
      </Part>
    );
  });
}
