import { durationText, type Output } from '../output.ts';
import { beginLines, logText, phaseEndText, reportLines } from './append-only.ts';
import { columnsOf, openLiveRegion } from './live-region.ts';
import { phaseLabel, type Progress, type Renderer } from './renderer.ts';
import { waitingText } from './waiting.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;

/** For a terminal: what stays scrolls by, and the lowest line says what goes on and for how long. */
export function createTerminal(output: Output): Renderer {
  const { colours, terminal } = output;
  const region = openLiveRegion(terminal);
  let progress: Progress | null = null;
  let since = Date.now();
  let question: string | null = null;
  let frame = 0;
  const draw = () => region.draw(statusLine(progress, Date.now() - since));
  const timer = setInterval(() => {
    frame += 1;
    draw();
  }, FRAME_MS);
  timer.unref();
  terminal.on('resize', draw);

  function statusLine(state: Progress | null, elapsedMs: number): string {
    const text = question ?? statusText(state, elapsedMs);
    const fitting = text.slice(0, Math.max(1, columnsOf(terminal) - 3));
    const spinner = question === null ? FRAMES[frame % FRAMES.length]! : '?';
    return `${colours.cyan(spinner)} ${fitting}`;
  }

  return {
    begin: (deployment, page) => region.print(beginLines(deployment, page, output)),
    progress(next) {
      if (phaseOf(next)?.name !== phaseOf(progress)?.name) since = Date.now() - (phaseOf(next)?.durationMs ?? 0);
      progress = next;
      draw();
    },
    startPhase: ({ name }) => region.print([colours.cyan(`● ${phaseLabel(name)}`)]),
    line: (line) => region.print([`  ${logText(line, output)}`]),
    endPhase: (phase) => region.print([phaseEndText(phase, output)]),
    note(text) {
      region.print([colours.dim(`… ${text}`)]);
    },
    ask(text) {
      question = text;
      draw();
    },
    end(report) {
      region.draw(null);
      region.print(reportLines(report, output));
    },
    close() {
      clearInterval(timer);
      terminal.removeListener('resize', draw);
      region.close();
    },
  };
}

function statusText(progress: Progress | null, elapsedMs: number): string {
  if (!progress) return 'Connecting …';
  if (progress.status === 'PENDING') return waitingText(progress.queuePosition ?? 1);
  const phase = phaseOf(progress);
  const stopping = progress.cancellation ? 'Stopping: ' : '';
  if (!phase) return `${stopping}finishing …`;
  const done = progress.phases.filter(({ status }) => status === 'COMPLETED').length;
  return `${stopping}${phaseLabel(phase.name)}  ${durationText(elapsedMs)}  ${done}/${progress.phases.length}`;
}

function phaseOf(progress: Progress | null) {
  return progress?.phases.find(({ status }) => status === 'IN_PROGRESS') ?? null;
}
