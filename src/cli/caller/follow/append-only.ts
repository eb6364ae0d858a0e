import { durationText, type Output } from '../output.ts';
import { lineText } from './line-text.ts';
import { phaseLabel, type Phase, type Renderer, type Verdict } from './renderer.ts';
import type { Report } from './report.ts';
import { createWaiting, waitingText } from './waiting.ts';

/** Lines that are written once and stay: for pipes, files, CI, and terminals that cannot do more. */
export function createAppendOnly(output: Output): Renderer {
  const { colours } = output;
  const say = (text: string) => output.say(text);
  const waiting = createWaiting((position) => say(waitingText(position)));
  return {
    begin: (deployment, page) => beginLines(deployment, page, output).forEach(say),
    progress: waiting.progress,
    startPhase: ({ name }) => say(colours.cyan(`● ${phaseLabel(name)}`)),
    line: (line) => say(`  ${logText(line, output)}`),
    endPhase: (phase) => say(phaseEndText(phase, output)),
    note: (text) => say(colours.dim(`… ${text}`)),
    ask(question) {
      if (question !== null) output.warn(question);
    },
    end: (report) => reportLines(report, output).forEach((line) => output.warn(line)),
    close: waiting.stop,
  };
}

export function beginLines({ number, productionApp, version, id }: Verdict, page: string, output: Output): string[] {
  const { colours } = output;
  const what = `Deployment ${number} of ${productionApp.subdomain}: version ${version.version}`;
  return [`${colours.bold(what)} ${colours.dim(id)}`, colours.dim(page)];
}

export function logText({ message, stream }: { message: string; stream: string }, { colours }: Output): string {
  const text = lineText(message, { colours: colours.isColorSupported });
  return stream === 'SYSTEM' ? colours.dim(text) : text;
}

export function phaseEndText({ name, status, durationMs, skipReason }: Phase, { colours }: Output): string {
  const time = durationText(durationMs);
  if (status === 'FAILED') return colours.red(`✖ ${phaseLabel(name)} ${time}`.trimEnd());
  const skipped = skipReason ? colours.dim(' (skipped)') : '';
  return `${colours.green('✔')} ${phaseLabel(name)} ${colours.dim(time)}${skipped}`.trimEnd();
}

export function reportLines({ exit, headline, excerpt, facts }: Report, output: Output): string[] {
  const { colours } = output;
  if (exit === 'completed') return output.quiet ? [] : [colours.green(`✔ ${headline}`)];
  const width = String(excerpt.lines.at(-1)?.seq ?? 0).length;
  const shown = excerpt.lines.map(({ seq, message }) => {
    const number = String(seq).padStart(width);
    const text = lineText(message, { colours: colours.isColorSupported });
    return seq === excerpt.errorSeq
      ? `${colours.red(`> ${number} │`)} ${text}`
      : `${colours.dim(`  ${number} │`)} ${text}`;
  });
  const labelWidth = Math.max(0, ...facts.map(([label]) => label.length));
  return [
    '',
    colours.red(`✖ ${headline}`),
    ...(shown.length > 0 ? ['', ...shown] : []),
    '',
    ...facts.map(([label, text]) => `  ${colours.bold(label.padEnd(labelWidth))}  ${text}`),
  ];
}
