import type { LogLevel, LogStream, PhaseName } from '../../../generated/gql/graphql.ts';
import { LEVELS, STREAMS } from './log-filter.ts';
import { PHASE_NAMES } from '../../elements/phase-names.ts';

export interface LineRange {
  readonly first: number;
  readonly last: number;
}

/** What the hash of the address points to: lines, or the beginning of a phase. */
export type LogPlace = ({ readonly kind: 'lines' } & LineRange) | { readonly kind: 'phase'; readonly phase: PhaseName };

/** `#L120`, `#L120-L131` or `#build`. */
export function parsePlace(hash: string): LogPlace | null {
  const [, first, last] = /^#L([1-9]\d{0,8})(?:-L([1-9]\d{0,8}))?$/.exec(hash) ?? [];
  if (first !== undefined) return { kind: 'lines', ...rangeOf(Number(first), Number(last ?? first)) };
  const phase = oneOf(PHASES, hash.slice(1));
  return phase && { kind: 'phase', phase };
}

export function rangeOf(one: number, other: number): LineRange {
  return { first: Math.min(one, other), last: Math.max(one, other) };
}

export function rangeHash({ first, last }: LineRange): string {
  return first === last ? `#L${first}` : `#L${first}-L${last}`;
}

export function phaseHash(phase: PhaseName): string {
  return `#${phase.toLowerCase()}`;
}

/** What the query of the address chooses of the log. */
export interface LogQuery {
  readonly phase: PhaseName | null;
  readonly minLevel: LogLevel | null;
  readonly stream: LogStream | null;
  /** What is searched for. */
  readonly text: string;
  /** Only the lines that hold the text are shown. */
  readonly isNarrow: boolean;
}

/** All lines, whatever is searched for. */
export const EVERY_LINE = {
  phase: null,
  minLevel: null,
  stream: null,
  isNarrow: false,
} as const satisfies Partial<LogQuery>;

const PHASES = Object.keys(PHASE_NAMES) as PhaseName[];
const TEXT_MAX = 200;

/** `?phase=build&level=warn&stream=stderr&q=text&only=matches`. What it does not know is left out. */
export function parseLogQuery(search: string): LogQuery {
  const query = new URLSearchParams(search);
  return {
    phase: oneOf(PHASES, query.get('phase')),
    minLevel: oneOf(LEVELS, query.get('level')),
    stream: oneOf(STREAMS, query.get('stream')),
    text: (query.get('q') ?? '').slice(0, TEXT_MAX),
    isNarrow: query.get('only') === 'matches',
  };
}

/** Empty, or with its question mark. */
export function logSearch({ phase, minLevel, stream, text, isNarrow }: LogQuery): string {
  const query = new URLSearchParams();
  if (phase) query.set('phase', phase.toLowerCase());
  if (minLevel) query.set('level', minLevel.toLowerCase());
  if (stream) query.set('stream', stream.toLowerCase());
  if (text) query.set('q', text);
  if (text && isNarrow) query.set('only', 'matches');
  return query.size > 0 ? `?${query.toString()}` : '';
}

function oneOf<const T extends string>(values: readonly T[], text: string | null): T | null {
  return values.find((value) => value === text?.toUpperCase()) ?? null;
}
