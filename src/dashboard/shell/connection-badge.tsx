import { useLiveState } from '../api/hooks.ts';
import type { LiveState } from '../api/live.ts';
import classes from './connection-badge.module.css';

const WORDS: Record<LiveState, { word: string; about: string }> = {
  connecting: { word: 'Connecting …', about: 'The connection for changes is being made.' },
  live: { word: 'Live', about: 'Changes are shown as they happen.' },
  reconnecting: { word: 'Reconnecting …', about: 'The connection was lost and is made anew.' },
  polling: { word: 'Polling', about: 'The connection is lost. The page asks for changes every five seconds.' },
};

export function ConnectionBadge() {
  const state = useLiveState();
  const { word, about } = WORDS[state];
  return (
    <span className={`${classes['badge']} ${classes[state]}`} title={about} role="status">
      <span className={classes['dot']} aria-hidden="true" />
      {word}
    </span>
  );
}
