const ESCAPE = '\u001B';
/** CSI with its parameters, OSC, DCS, PM, APC and SOS up to their ends, and any other escape with its one character. */
const SEQUENCE = new RegExp(
  [
    `(?:${ESCAPE}\\[|\u009B)([0-?]*)[ -/]*([@-~])`,
    `(?:${ESCAPE}[\\]P^_X]|[\u0090\u0098\u009D\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|${ESCAPE}\\\\|\u009C|$)`,
    `${ESCAPE}[ -/]*[0-~]?`,
  ].join('|'),
  'g',
);
/** What no line may hold: it would move the cursor, ring, or begin a sequence. A tab is fine. */
const CONTROL = /(?!\t)\p{Cc}/gu;
const SGR = /^[0-9;:]*$/;

/**
 * A line of a log as it may go to a terminal: its colours, if they are wanted, and no other sequence. Whoever writes a log
 * must not move the cursor, change the title or the clipboard, or pass for a line of Windlass.
 */
export function lineText(message: string, { colours }: { readonly colours: boolean }): string {
  let isColoured = false;
  const parts: string[] = [];
  let from = 0;
  for (const match of lastOverwrite(message).matchAll(SEQUENCE)) {
    parts.push(match.input.slice(from, match.index).replace(CONTROL, ''));
    from = match.index + match[0].length;
    const [sequence, parameters, final] = match;
    if (!colours || final !== 'm' || !SGR.test(parameters ?? '')) continue;
    isColoured = true;
    parts.push(sequence.replace('\u009B', `${ESCAPE}[`));
  }
  parts.push(lastOverwrite(message).slice(from).replace(CONTROL, ''));
  return parts.join('') + (isColoured ? `${ESCAPE}[0m` : '');
}

/** A progress bar draws over itself after each carriage return: what it drew last is what is seen. */
function lastOverwrite(message: string): string {
  return message.split('\r').findLast((part) => part !== '') ?? '';
}
