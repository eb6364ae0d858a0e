import { ChevronDown, ChevronRight, CircleAlert, TriangleAlert } from 'lucide-react';
import { memo, type MouseEvent } from 'react';
import type { PageDeploymentStateFragment } from '../../../generated/gql/graphql.ts';
import { AnsiText } from '../../elements/ansi-text.tsx';
import { phaseLook, StatusIcon } from '../../elements/status.tsx';
import { Elapsed } from '../../elements/time.tsx';
import type { Line } from './log-filter.ts';
import type { ShownSection } from './log-rows.ts';
import type { LogPreferences } from './log-preferences.ts';
import { lineTime } from './line-time.ts';
import { PHASE_NAMES } from '../../elements/phase-names.ts';
import classes from './log-viewer.module.css';

interface LogLineProps {
  readonly seq: number;
  /** Not there yet: it is being read. */
  readonly line: Line | undefined;
  readonly isChosen: boolean;
  readonly isCurrent: boolean;
  /** What is searched for. */
  readonly hit: string;
  readonly times: LogPreferences['times'];
  readonly startedAt: string | null;
  readonly onPick: (seq: number, isRange: boolean) => void;
}

export const LogLine = memo(function LogLine(props: LogLineProps) {
  const { seq, line, isChosen, isCurrent, hit, times, startedAt, onPick } = props;
  const look = [
    classes['line'],
    line && classes[line.level.toLowerCase()],
    line?.stream === 'SYSTEM' && classes['system'],
    isChosen && classes['chosen'],
    isCurrent && classes['current'],
  ];
  function pick(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    onPick(seq, event.shiftKey);
  }
  return (
    <div className={look.filter(Boolean).join(' ')} aria-current={isCurrent || undefined}>
      <a
        href={`#L${seq}`}
        className={classes['seq']}
        aria-label={`Line ${seq}`}
        onMouseDown={(event) => event.shiftKey && event.preventDefault()}
        onClick={pick}
      >
        {line && <LevelMark level={line.level} />}
        {seq}
      </a>
      {times !== 'off' && (
        <span className={classes['at']}>{line && lineTime(line.at, times === 'elapsed' ? startedAt : null)}</span>
      )}
      <span className={classes['text']}>
        {line ? <AnsiText text={line.message} hit={hit} /> : <span className={classes['missing']} />}
        {line?.truncated && <span className={classes['cut']}> … cut off</span>}
      </span>
    </div>
  );
});

/** Colour alone says nothing to some. */
function LevelMark({ level }: Pick<Line, 'level'>) {
  if (level === 'ERROR') return <CircleAlert role="img" aria-label="Error" />;
  return level === 'WARN' ? <TriangleAlert role="img" aria-label="Warning" /> : null;
}

interface SectionHeadProps {
  readonly section: ShownSection;
  readonly phases: PageDeploymentStateFragment['phases'];
  readonly onFold: (key: string) => void;
}

/** The name of a phase above its lines, which it hides and shows. */
export function SectionHead({ section, phases, onFold }: SectionHeadProps) {
  const { key, phase: name, attempt, isFolded, count, firstSeq, lastSeq } = section;
  const phase = phases.find((each) => each.name === name);
  const isLastAttempt = phase?.attempt === attempt;
  const all = lastSeq - firstSeq + 1;
  const Chevron = isFolded ? ChevronRight : ChevronDown;
  return (
    <button type="button" className={classes['head']} aria-expanded={!isFolded} onClick={() => onFold(key)}>
      <Chevron aria-hidden="true" />
      {phase && isLastAttempt && <StatusIcon look={phaseLook(phase)} />}
      <strong>{name ? PHASE_NAMES[name] : 'Log'}</strong>
      {(attempt > 1 || !isLastAttempt) && (
        <span>
          attempt {attempt}
          {!isLastAttempt && ', interrupted'}
        </span>
      )}
      {isLastAttempt && phase.startedAt && (
        <span>
          <Elapsed from={phase.startedAt} to={phase.finishedAt} />
        </span>
      )}
      <span>
        {count < all && `${count.toLocaleString('en')} of `}
        {all.toLocaleString('en')} {all === 1 ? 'line' : 'lines'}
      </span>
    </button>
  );
}
