import type { Line, Phase, Progress, Renderer } from './renderer.ts';

/**
 * Puts what two streams tell into one order: lines come over one, phases over the other, and a phase has ended only when
 * its last line was shown. So a phase is opened by its first line, and closed by the first line of a later one or by the
 * end of the deployment. Rows are written before the lines of the next phase, so what is missing of the state is there
 * when it is asked for.
 */
export function createPhaseSequence(renderer: Renderer, loadProgress: () => Promise<Progress>) {
  let progress: Progress | null = null;
  let open: Phase['name'] | null = null;
  const closed = new Set<Phase['name']>();

  function takeProgress(next: Progress): void {
    if (progress && next.stateVersion < progress.stateVersion) return;
    progress = next;
    renderer.progress(next);
  }

  async function takeLine(line: Line): Promise<void> {
    const { phase } = line;
    if (phase && phase !== open && !closed.has(phase)) await openPhase(phase);
    renderer.line(line);
  }

  async function openPhase(name: Phase['name']): Promise<void> {
    if (!progress || !isPast(progress, name)) takeProgress(await loadProgress());
    for (const phase of phasesOf(progress!)) {
      if (phase.name === name) break;
      closePhase(phase);
    }
    const phase = phasesOf(progress!).find((one) => one.name === name)!;
    open = name;
    renderer.startPhase(phase);
  }

  function closePhase(phase: Phase): void {
    if (closed.has(phase.name) || (phase.status !== 'COMPLETED' && phase.status !== 'FAILED')) return;
    closed.add(phase.name);
    if (phase.name !== open) renderer.startPhase(phase);
    if (phase.name === open) open = null;
    renderer.endPhase(phase);
  }

  return {
    takeProgress,
    takeLine,
    /** Every line was shown. */
    finish(last: Progress): void {
      takeProgress(last);
      for (const phase of phasesOf(last)) closePhase(phase);
    },
  };
}
export type PhaseSequence = ReturnType<typeof createPhaseSequence>;

function phasesOf({ phases }: Progress): readonly Phase[] {
  return phases;
}

/** Whether the phases before one have ended, as far as this state knows. */
function isPast({ phases }: Progress, name: Phase['name']): boolean {
  const index = phases.findIndex((phase) => phase.name === name);
  return phases.slice(0, index).every(({ status }) => status === 'COMPLETED' || status === 'FAILED');
}
