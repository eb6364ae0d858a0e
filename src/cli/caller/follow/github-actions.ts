import { randomUUID } from 'node:crypto';
import { durationText, type Output } from '../output.ts';
import { reportLines } from './append-only.ts';
import { lineText } from './line-text.ts';
import { phaseLabel, type Phase, type Renderer } from './renderer.ts';
import { createWaiting, waitingText } from './waiting.ts';

/**
 * For GitHub Actions: a group for each phase, and an annotation for what went wrong. Commands of the runner are lines, too:
 * those that a build prints are shown and not obeyed.
 */
export function createGithubActions(output: Output): Renderer {
  const { colours } = output;
  const say = (text: string) => output.say(text);
  const resume = randomUUID();
  const waiting = createWaiting((position) => say(waitingText(position)));
  let open: Phase['name'] | null = null;
  const print = (message: string) => say(`  ${lineText(message, { colours: false })}`);

  function endGroup(): void {
    if (open === null) return;
    open = null;
    say(`::${resume}::`);
    say('::endgroup::');
  }

  return {
    begin({ number, productionApp, version, id }, page) {
      say(`Deployment ${number} of ${productionApp.subdomain}: version ${version.version} ${id}`);
      say(page);
    },
    progress: waiting.progress,
    startPhase({ name }) {
      endGroup();
      open = name;
      say(`::group::${phaseLabel(name)}`);
      say(`::stop-commands::${resume}`);
    },
    line({ message }) {
      if (open !== null) return print(message);
      say(`::stop-commands::${resume}`);
      print(message);
      say(`::${resume}::`);
    },
    endPhase({ name, status, durationMs, skipReason }) {
      endGroup();
      const mark = status === 'FAILED' ? '✖' : '✔';
      say(`${mark} ${phaseLabel(name)} ${durationText(durationMs)}${skipReason ? ' (skipped)' : ''}`.trimEnd());
    },
    note: (text) => say(colours.dim(`… ${text}`)),
    ask() {},
    end(report) {
      endGroup();
      if (report.exit !== 'completed') {
        output.warn(`::stop-commands::${resume}`);
        reportLines(report, output).forEach((line) => output.warn(line));
        output.warn(`::${resume}::`);
        const { verdict, headline, page } = report;
        const title = `Windlass: ${verdict.productionApp.subdomain} ${report.exit}`;
        output.warn(`::error title=${escapeProperty(title)}::${escapeData(`${headline}\n${page}`)}`);
        return;
      }
      reportLines(report, output).forEach(say);
      say(`::notice title=Windlass::${escapeData(report.headline)}`);
    },
    close() {
      waiting.stop();
      endGroup();
    },
  };
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
