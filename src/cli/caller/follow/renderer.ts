import type { DeploymentLogEvent, DeploymentState } from '../../../client/follow.ts';
import type { VerdictQuery } from '../../../generated/gql/graphql.ts';
import type { Report } from './report.ts';

export type Verdict = NonNullable<VerdictQuery['deployment']>;
export type Phase = Verdict['phases'][number];
export type Line = Extract<DeploymentLogEvent, { __typename: 'DeploymentLogBatch' }>['lines'][number];
/** What changes while a deployment runs. A verdict has all of it. */
export type Progress = Pick<DeploymentState, 'status' | 'phases' | 'queuePosition' | 'cancellation' | 'stateVersion'>;

/** Shows a deployment that is followed. The calls come in the order of the deployment, lines in that of the log. */
export interface Renderer {
  begin(deployment: Verdict, page: string): void;
  /** It is so now. Lines and phases of before may still come. */
  progress(progress: Progress): void;
  startPhase(phase: Phase): void;
  line(line: Line): void;
  endPhase(phase: Phase): void;
  /** Something about following itself, such as a connection that broke. */
  note(text: string): void;
  /** Asks the user something, until it is null. Nobody may press a key at a question that is not shown. */
  ask(question: string | null): void;
  end(report: Report): void;
  /** Leaves the terminal as it was. Again, it changes nothing. */
  close(): void;
}

export function phaseLabel(name: Phase['name']): string {
  return name.toLowerCase();
}
