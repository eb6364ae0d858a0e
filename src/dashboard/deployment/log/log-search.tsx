import { ArrowDown, ArrowUp, Search, X } from 'lucide-react';
import { useEffect, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import { Button } from '../../elements/button.tsx';
import type { Hits } from './log-hits.ts';
import classes from './log-viewer.module.css';

/** How long one may pause while typing before it is searched. */
const TYPING_MS = 250;

interface LogSearchProps {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly text: string;
  /** Null: nothing is searched for. */
  readonly hits: Hits | null;
  /** Which of the hits one is at, from 1. */
  readonly rank: number;
  /** Whether the whole log was looked through. */
  readonly isComplete: boolean;
  readonly onSearch: (text: string) => void;
  readonly onStep: (direction: 1 | -1) => void;
  /** Back to the lines. */
  readonly onLeave: () => void;
}

/** Looks for a text in the whole log, and steps through what was found. */
export function LogSearch({ input, text, hits, rank, isComplete, onSearch, onStep, onLeave }: LogSearchProps) {
  const [typed, setTyped] = useState(text);
  const asked = useRef(text);
  // The address has changed by itself: another link, or the way back.
  useEffect(() => {
    if (text !== asked.current) setTyped(text);
    asked.current = text;
  }, [text]);
  const search = useRef(onSearch);
  search.current = onSearch;
  // Not with every line that comes: while a build prints, nobody would ever have paused for long enough.
  useEffect(() => {
    if (typed === asked.current) return undefined;
    const timer = setTimeout(() => ask(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  function ask(next: string): void {
    asked.current = next;
    search.current(next);
  }

  function noteKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.preventDefault();
      setTyped('');
      ask('');
      onLeave();
    }
    if (event.key !== 'Enter') return;
    event.preventDefault();
    if (typed === asked.current) onStep(event.shiftKey ? -1 : 1);
    else ask(typed);
  }

  return (
    <div className={classes['search']} role="search" aria-label="Search the log">
      <Search aria-hidden="true" />
      <input
        ref={input}
        type="text"
        value={typed}
        maxLength={200}
        spellCheck={false}
        autoComplete="off"
        aria-label="Search the log"
        aria-keyshortcuts="/"
        placeholder="Search the log (case-sensitive)"
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={noteKey}
      />
      {hits ? (
        <>
          <span className={classes['found']} role="status">
            {foundText(hits.count, rank, isComplete)}
          </span>
          <Button look="quiet" aria-label="Previous match" disabled={hits.count === 0} onClick={() => onStep(-1)}>
            <ArrowUp aria-hidden="true" />
          </Button>
          <Button look="quiet" aria-label="Next match" disabled={hits.count === 0} onClick={() => onStep(1)}>
            <ArrowDown aria-hidden="true" />
          </Button>
          <Button
            look="quiet"
            aria-label="Clear the search"
            onClick={() => {
              setTyped('');
              ask('');
              input.current?.focus();
            }}
          >
            <X aria-hidden="true" />
          </Button>
        </>
      ) : (
        <kbd aria-hidden="true">/</kbd>
      )}
    </div>
  );
}

function foundText(count: number, rank: number, isComplete: boolean): string {
  if (count === 0) return isComplete ? 'Not found' : 'Searching …';
  const all = `${count.toLocaleString('en')}${isComplete ? '' : '+'}`;
  return rank > 0 ? `${rank.toLocaleString('en')} of ${all}` : `${all} found`;
}
