import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { LogStream, PageAppStateFragment, RuntimeLogFilter } from '../../generated/gql/graphql.ts';
import { plainText } from '../elements/ansi-pieces.ts';
import { AnsiText } from '../elements/ansi-text.tsx';
import { Button } from '../elements/button.tsx';
import { CopyButton } from '../elements/copy-button.tsx';
import { SelectField, TextField } from '../elements/field.tsx';
import { Panel } from '../elements/panel.tsx';
import { useSettled } from '../elements/settled.ts';
import { Empty, Loading, Refusal } from '../elements/states.tsx';
import { momentText } from '../elements/time.tsx';
import { isGap, type LogEntry } from './log-window.ts';
import { useRuntimeLines, type RuntimeLine } from './runtime-lines.ts';
import classes from './runtime-log.module.css';

const LINE_PX = 20;
/** So near to an end still counts as at it. */
const SLACK_PX = 2 * LINE_PX;

const STREAMS: Record<LogStream, { readonly word: string; readonly mark: string }> = {
  STDOUT: { word: 'Output', mark: 'out' },
  STDERR: { word: 'Errors', mark: 'err' },
  SYSTEM: { word: 'Windlass', mark: 'sys' },
};
const STREAM_OPTIONS = Object.entries(STREAMS).map(([stream, { word }]) => [stream, word] as const);

/** What an app prints, as it does. */
export function RuntimeLog({ app: { id, liveDeployment: live } }: { app: PageAppStateFragment }) {
  const [release, setRelease] = useState<'live' | ''>('live');
  const [stream, setStream] = useState('');
  const [text, setText] = useState('');
  const contains = useSettled(text);
  const deploymentId = release === 'live' ? live?.id : undefined;
  const filter = useMemo<RuntimeLogFilter>(
    () => ({ deploymentId, streams: stream ? [stream as LogStream] : null, contains: contains || null }),
    [deploymentId, stream, contains],
  );
  return (
    <Panel>
      <search className={classes['filter']}>
        <SelectField
          label="Release"
          isLabelHidden
          value={release}
          options={[
            ['live', live ? `Live release, #${live.number}` : 'Live release'],
            ['', 'All releases'],
          ]}
          onChoose={(chosen) => setRelease(chosen as 'live' | '')}
        />
        <SelectField
          label="Stream"
          isLabelHidden
          value={stream}
          options={[['', 'All streams'], ...STREAM_OPTIONS]}
          onChoose={setStream}
        />
        <TextField
          label="Text"
          isLabelHidden
          type="search"
          value={text}
          placeholder="Lines that hold …"
          onChange={(event) => setText(event.target.value)}
        />
      </search>
      <Lines
        key={JSON.stringify(filter)}
        productionAppId={id}
        filter={filter}
        empty={stream || contains ? 'No line fits.' : 'Nothing was printed yet.'}
      />
    </Panel>
  );
}

interface LinesProps {
  productionAppId: string;
  filter: RuntimeLogFilter;
  /** What to say while there is no line. */
  empty: string;
}

/** Only what is seen is drawn. It follows its end until one scrolls up, and reads on where one scrolls to its start. */
function Lines({ productionAppId, filter, empty }: LinesProps) {
  const { window, isLoading, error, readEarlier } = useRuntimeLines(productionAppId, filter);
  const { entries, front, hasEarlier } = window;
  const scroller = useRef<HTMLDivElement>(null);
  const [isFollowing, setIsFollowing] = useState(true);
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });

  // What is read stays where it is, whatever is put before it or let go there.
  const seenFront = useRef(0);
  useLayoutEffect(() => {
    const moved = front - seenFront.current;
    seenFront.current = front;
    if (moved !== 0 && !isFollowing) scroller.current!.scrollTop += moved * LINE_PX;
  }, [front, isFollowing]);

  useEffect(() => {
    if (isFollowing && entries.length > 0) virtual.scrollToIndex(entries.length - 1, { align: 'end' });
  }, [entries, isFollowing, virtual]);

  function noteScroll() {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    setIsFollowing(scrollHeight - scrollTop - clientHeight < SLACK_PX);
    if (scrollTop < SLACK_PX && hasEarlier && !isFollowing) readEarlier();
  }

  return (
    <>
      <div className={classes['bar']}>
        {/* Not told by screen readers: it changes with every line. */}
        <span>
          {entries.length.toLocaleString('en')} {entries.length === 1 ? 'line' : 'lines'}
          {hasEarlier && ', more above'}
          {isFollowing && !error && ', following'}
        </span>
        <span className={classes['actions']}>
          {!isFollowing && (
            <Button
              look="quiet"
              onClick={() => {
                setIsFollowing(true);
                scroller.current!.focus();
              }}
            >
              To the end
            </Button>
          )}
          <CopyButton label="Copy these lines" text={() => entries.map(textOf).join('\n')} />
        </span>
      </div>
      <Refusal error={error} />
      <div
        ref={scroller}
        className={classes['scroller']}
        tabIndex={0}
        role="region"
        aria-label="Lines of the runtime log"
        onScroll={noteScroll}
      >
        {isLoading && <Loading />}
        {!isLoading && !error && entries.length === 0 && <Empty title={empty}>New ones are shown as they come.</Empty>}
        <div className={classes['lines']} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => (
            <div key={key} className={classes['place']} style={{ transform: `translateY(${start}px)` }}>
              <Entry entry={entries[index]!} />
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

function Entry({ entry }: { entry: LogEntry<RuntimeLine> }) {
  if (isGap(entry)) return <div className={classes['gap']}>{gapText(entry.dropped)}</div>;
  const { at, stream, message, truncated } = entry;
  return (
    <div className={`${classes['line']} ${classes[stream.toLowerCase()]}`}>
      <time dateTime={at} title={momentText(at)}>
        {clock.format(new Date(at))}
      </time>
      <abbr title={STREAMS[stream].word}>{STREAMS[stream].mark}</abbr>
      <span>
        <AnsiText text={message || ' '} />
        {truncated && <em> … cut off</em>}
      </span>
    </div>
  );
}

const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

function textOf(entry: LogEntry<RuntimeLine>): string {
  return isGap(entry)
    ? gapText(entry.dropped)
    : `${entry.at} ${STREAMS[entry.stream].mark} ${plainText(entry.message)}`;
}

function gapText(dropped: number): string {
  return `${dropped.toLocaleString('en')} ${dropped === 1 ? 'line is' : 'lines are'} not kept any more.`;
}
