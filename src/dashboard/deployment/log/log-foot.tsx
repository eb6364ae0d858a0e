import { ArrowDownToLine } from 'lucide-react';
import { Button } from '../../elements/button.tsx';
import { plainText } from '../../elements/ansi-pieces.ts';
import { EVERY_LINE } from './log-address.ts';
import { LogSelection } from './log-selection.tsx';
import type { LogState } from './log-store.ts';
import type { LogView } from './use-log-view.ts';
import type { Log } from './use-log.ts';
import classes from './log-viewer.module.css';

/** What can be done with the chosen lines, and whether the end is followed. */
export function LogFoot({ log: { store, state }, view, isLive }: { log: Log; view: LogView; isLive: boolean }) {
  const { chosen, isFollowing, follow } = view;
  const copied = async (first: number, last: number) =>
    (await store.read(first, last)).map(({ message }) => plainText(message)).join('\n');
  return (
    <div className={classes['foot']}>
      {chosen ? (
        <LogSelection range={chosen} readText={() => copied(chosen.first, chosen.last)} onClear={view.unpick} />
      ) : (
        view.rows.count > 0 && <span>Click a number to link to its line, and another with Shift for all between.</span>
      )}
      <HiddenLine view={view} state={state} />
      {isLive && (
        <span className={classes['follow']}>
          <span role="status">{isFollowing ? 'Following the end' : 'Stopped following'}</span>
          {!isFollowing && (
            <Button onClick={() => follow(true)}>
              <ArrowDownToLine aria-hidden="true" />
              Go on following
            </Button>
          )}
        </span>
      )}
    </div>
  );
}

/** Why a line that the address names is not to be seen. */
function HiddenLine({ view: { chosen, rows, isReading, choose }, state }: { view: LogView; state: LogState }) {
  if (!chosen || isReading || rows.has(chosen.first)) return null;
  if (chosen.first > state.lastSeq) {
    return (
      <span role="status">
        There is no line {chosen.first}
        {!state.hasEnded && ' yet'}.
      </span>
    );
  }
  return (
    <span className={classes['hidden']} role="status">
      Line {chosen.first} is not among those shown.
      <Button look="quiet" onClick={() => choose(EVERY_LINE)}>
        Show all lines
      </Button>
    </span>
  );
}
