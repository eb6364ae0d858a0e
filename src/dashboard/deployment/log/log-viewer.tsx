import { useEffect, useRef } from 'react';
import type { PageDeploymentStateFragment } from '../../../generated/gql/graphql.ts';
import { Panel } from '../../elements/panel.tsx';
import { Empty, Failed, Loading } from '../../elements/states.tsx';
import { Button } from '../../elements/button.tsx';
import { EVERY_LINE } from './log-address.ts';
import { LogDownload } from './log-download.tsx';
import { LogFilters } from './log-filters.tsx';
import { LogFoot } from './log-foot.tsx';
import { useLogPreferences } from './log-preferences.ts';
import { LogLine, SectionHead } from './log-row.tsx';
import type { Row } from './log-rows.ts';
import { LogScroller } from './log-scroller.tsx';
import { LogSearch } from './log-search.tsx';
import type { LogState } from './log-store.ts';
import { useLogView, type LogView } from './use-log-view.ts';
import type { Log } from './use-log.ts';
import classes from './log-viewer.module.css';

interface LogViewerProps {
  readonly log: Log | null;
  readonly deployment: PageDeploymentStateFragment;
}

/** The log of a deployment, however long it is. It follows its end until one scrolls up. */
export function LogViewer({ log, deployment }: LogViewerProps) {
  const { id, number, productionApp } = deployment;
  // Before the log itself says so.
  const isLive = deployment.finishedAt === null && log?.state.hasEnded === false;
  return (
    <Panel
      title="Log"
      actions={
        <>
          {log?.state.isOpened && <LogLength lastSeq={log.state.lastSeq} isLive={isLive} />}
          <LogDownload deploymentId={id} fileName={`${productionApp.subdomain}-${number}.log`} />
        </>
      }
    >
      {log?.state.isOpened ? <OpenLog log={log} deployment={deployment} isLive={isLive} /> : <Unopened log={log} />}
    </Panel>
  );
}

function Unopened({ log }: { log: Log | null }) {
  return log?.state.error ? <Failed error={log.state.error} onRetry={log.reload} /> : <Loading />;
}

function LogLength({ lastSeq, isLive }: { lastSeq: number; isLive: boolean }) {
  return (
    <span className={classes['length']}>
      {isLive && <span className={classes['live']}>Live</span>}
      {lastSeq.toLocaleString('en')} {lastSeq === 1 ? 'line' : 'lines'}
    </span>
  );
}

interface OpenLogProps {
  readonly log: Log;
  readonly deployment: PageDeploymentStateFragment;
  readonly isLive: boolean;
}

function OpenLog({ log, deployment, isLive }: OpenLogProps) {
  const { store, state, reload } = log;
  const scroller = useRef<HTMLDivElement>(null);
  const isVisited = useRef(false);
  const view = useLogView(log, { onVisit: () => (isVisited.current = true) });
  const { query, rows, chosen, hits, current } = view;
  const [preferences, prefer] = useLogPreferences();
  const isEmpty = rows.count === 0;
  const input = useRef<HTMLInputElement>(null);
  useShortcut('/', () => input.current?.focus());
  useEffect(() => {
    const lines = scroller.current;
    if (!view.goal || !lines) return;
    // On a small screen, the log itself may be out of sight.
    lines.scrollIntoView({ block: 'nearest' });
    // Whoever has followed a link to a place reads on there.
    if (isVisited.current) lines.focus({ preventScroll: true });
    isVisited.current = false;
  }, [view.goal, isEmpty]);

  const drawHead = ({ section }: Extract<Row, { kind: 'section' }>) => (
    <SectionHead section={section} phases={deployment.phases} onFold={view.fold} />
  );
  const drawRow = (row: Row) =>
    row.kind === 'section' ? (
      drawHead(row)
    ) : (
      <LogLine
        seq={row.seq}
        line={store.line(row.seq)}
        isChosen={chosen !== null && row.seq >= chosen.first && row.seq <= chosen.last}
        isCurrent={row.seq === current}
        hit={query.text}
        times={preferences.times}
        startedAt={deployment.startedAt ?? deployment.createdAt}
        onPick={view.pick}
      />
    );

  return (
    <>
      <div className={classes['tools']}>
        <LogSearch
          input={input}
          text={query.text}
          hits={hits}
          rank={current === null ? 0 : (hits?.rankOf(current) ?? 0)}
          isComplete={state.hits?.isComplete ?? true}
          onSearch={(text) => view.choose({ text })}
          onStep={view.step}
          onLeave={() => scroller.current?.focus()}
        />
        <LogFilters query={query} onChoose={view.choose} preferences={preferences} onPrefer={prefer} />
      </div>
      {state.error && <Failed error={state.error} onRetry={reload} />}
      {isEmpty ? (
        <Nothing view={view} state={state} />
      ) : (
        <LogScroller
          scroller={scroller}
          rows={rows}
          layout={view.layout}
          isWrapped={preferences.isWrapped}
          goal={view.goal}
          isFollowing={view.isFollowing}
          onFollow={view.follow}
          onLook={view.look}
          drawRow={drawRow}
          drawHead={drawHead}
        />
      )}
      <LogFoot log={log} view={view} isLive={isLive} />
    </>
  );
}

function Nothing({ view: { query, choose, isReading }, state }: { view: LogView; state: LogState }) {
  if (isReading) return <Loading />;
  if (!query.phase && !state.shown) {
    return <Empty title={state.hasEnded ? 'Nothing was printed' : 'Nothing was printed yet'} />;
  }
  return (
    <Empty title="No line is like this">
      <Button onClick={() => choose(EVERY_LINE)}>Show all lines</Button>
    </Empty>
  );
}

/** A key that does something wherever one is, but where one types. */
function useShortcut(key: string, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    function note(event: KeyboardEvent): void {
      const isTyping = event.target instanceof Element && event.target.matches('input, textarea, select, dialog *');
      if (event.key !== key || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      latest.current();
    }
    addEventListener('keydown', note);
    return () => removeEventListener('keydown', note);
  }, [key]);
}
