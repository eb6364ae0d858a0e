import type { CallerEnvironment } from '../environment.ts';
import type { Output } from '../output.ts';
import { createAppendOnly } from './append-only.ts';
import { createGithubActions } from './github-actions.ts';
import { createJsonLines } from './json-lines.ts';
import type { Renderer } from './renderer.ts';
import { createTerminal } from './terminal.ts';

/** What is asked for comes first, then what is there. */
export function chooseRenderer(output: Output, { isGithubActions }: CallerEnvironment): Renderer {
  if (output.json) return createJsonLines(output);
  if (output.quiet) return createAppendOnly(output);
  if (isGithubActions) return createGithubActions(output);
  return output.isLive ? createTerminal(output) : createAppendOnly(output);
}
