import { EXIT_CODES } from '../exit-codes.ts';
import type { Output } from '../output.ts';
import { jsonLine } from '../spelling.ts';
import type { Phase, Renderer } from './renderer.ts';
import { createWaiting } from './waiting.ts';

/** For programs: everything as a line of JSON on standard output. The last one is the `result`. */
export function createJsonLines(output: Output): Renderer {
  const print = (type: string, fields: object) => output.result(jsonLine(type, fields));
  const waiting = createWaiting((queuePosition) => print('waiting', { queuePosition }));
  return {
    begin({ id, number, version, productionApp }, page) {
      const app = { id: productionApp.id, subdomain: productionApp.subdomain, url: productionApp.url };
      print('deployment', { id, number, version, app, page });
    },
    progress: waiting.progress,
    // It may have ended already when it is told that it began: that is told then.
    startPhase: ({ name }) => print('phase', phaseFields({ name, status: 'IN_PROGRESS' })),
    line: ({ seq, at, phase, stream, level, message }) =>
      print('line', { seq, at, phase: phase ?? null, stream, level, message }),
    endPhase: (phase) => print('phase', phaseFields(phase)),
    note: (text) => output.say(`… ${text}`),
    ask(question) {
      if (question !== null) output.warn(question);
    },
    end({ verdict, exit, headline, page }) {
      const { id, number, version, productionApp, durationMs, failure, cancellation } = verdict;
      print('result', {
        id,
        number,
        status: verdict.status,
        exitCode: EXIT_CODES[exit].code,
        message: headline,
        url: productionApp.url,
        page,
        version,
        serving: productionApp.liveDeployment ?? null,
        durationMs: durationMs ?? null,
        failure: failure ?? null,
        cancellation: cancellation ?? null,
      });
    },
    close: waiting.stop,
  };
}

function phaseFields({ name, status, durationMs, skipReason }: Pick<Phase, 'name' | 'status'> & Partial<Phase>) {
  return {
    phase: name,
    status,
    durationMs: durationMs ?? null,
    skipReason: skipReason ?? null,
  };
}
