import { Clock, Funnel, WrapText } from 'lucide-react';
import type { LogLevel, LogStream, PhaseName } from '../../../generated/gql/graphql.ts';
import { Button } from '../../elements/button.tsx';
import { SelectField } from '../../elements/field.tsx';
import type { LogQuery } from './log-address.ts';
import { TIMES, type LogPreferences } from './log-preferences.ts';
import { PHASE_NAMES } from '../../elements/phase-names.ts';
import classes from './log-viewer.module.css';

const PHASES = [['', 'All phases'], ...Object.entries(PHASE_NAMES)] as const;
const LEVELS = [
  ['', 'All levels'],
  ['INFO', 'Info and up'],
  ['WARN', 'Warnings and up'],
  ['ERROR', 'Errors'],
] as const;
const STREAMS = [
  ['', 'All streams'],
  ['STDOUT', 'stdout'],
  ['STDERR', 'stderr'],
  ['SYSTEM', 'Windlass'],
] as const;
const TIME_WORDS: Record<LogPreferences['times'], string> = {
  off: 'No times',
  elapsed: 'Time since the start',
  clock: 'Time of the day',
};

interface LogFiltersProps {
  readonly query: LogQuery;
  readonly onChoose: (change: Partial<LogQuery>) => void;
  readonly preferences: LogPreferences;
  readonly onPrefer: (change: Partial<LogPreferences>) => void;
}

/** Which lines are shown, and how. */
export function LogFilters({ query, onChoose, preferences, onPrefer }: LogFiltersProps) {
  const { isWrapped, times } = preferences;
  const nextTimes = TIMES[(TIMES.indexOf(times) + 1) % TIMES.length]!;
  return (
    <>
      {query.text && (
        <Button aria-pressed={query.isNarrow} onClick={() => onChoose({ isNarrow: !query.isNarrow })}>
          <Funnel aria-hidden="true" />
          Only matches
        </Button>
      )}
      <div className={classes['selects']}>
        <SelectField
          label="Phase"
          isLabelHidden
          value={query.phase ?? ''}
          options={PHASES}
          onChoose={(phase) => onChoose({ phase: (phase || null) as PhaseName | null })}
        />
        <SelectField
          label="Level"
          isLabelHidden
          value={query.minLevel ?? ''}
          options={LEVELS}
          onChoose={(minLevel) => onChoose({ minLevel: (minLevel || null) as LogLevel | null })}
        />
        <SelectField
          label="Stream"
          isLabelHidden
          value={query.stream ?? ''}
          options={STREAMS}
          onChoose={(stream) => onChoose({ stream: (stream || null) as LogStream | null })}
        />
      </div>
      <div className={classes['looks']}>
        <Button
          look="quiet"
          aria-pressed={isWrapped}
          aria-label="Wrap long lines"
          title="Wrap long lines"
          onClick={() => onPrefer({ isWrapped: !isWrapped })}
        >
          <WrapText aria-hidden="true" />
        </Button>
        <Button
          look="quiet"
          aria-pressed={times !== 'off'}
          aria-label={`Times: ${TIME_WORDS[times]}`}
          title={`${TIME_WORDS[times]}. Click for: ${TIME_WORDS[nextTimes].toLowerCase()}`}
          onClick={() => onPrefer({ times: nextTimes })}
        >
          <Clock aria-hidden="true" />
        </Button>
      </div>
    </>
  );
}
