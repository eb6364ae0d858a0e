import { PhaseFailure } from '../domain/errors.ts';
import { execIsolated, type IsolatedApp, type Isolation } from './isolation.ts';
import type { LogWriter } from './log-writer.ts';
import type { RunOptions } from './phase.ts';

export interface CommandContext {
  readonly writer: LogWriter;
  readonly signal: AbortSignal;
  readonly killGraceMs: number;
  readonly commandPath: string;
  readonly workspace: string;
  readonly isolation: Isolation;
  readonly app: IsolatedApp;
  /** By which another worker finds what this one left running. */
  readonly marker: string;
}

/**
 * Runs one of the package's commands, streaming its output to the log. It gets nothing of the server's own environment
 * but where programs are. Throws PhaseFailure when the command fails, and the signal's reason when it is stopped.
 */
export async function runCommand(
  { writer, signal, killGraceMs, commandPath, workspace, isolation, app, marker }: CommandContext,
  command: string,
  options: RunOptions,
): Promise<void> {
  const { failureCode, cwd, env } = options;
  writer.write({ message: `$ ${command}` });
  const ended = await execIsolated(
    isolation,
    app,
    { command, workspace, ...options },
    {
      cwd,
      env: { PATH: commandPath, LANG: 'C.UTF-8', HOME: workspace, CI: 'true', ...env },
      signal,
      killGraceMs,
      marker,
      onOutput(stream, lines) {
        for (const line of lines) writer.write({ ...line, stream });
        return writer.untilRoom();
      },
    },
  );
  if (ended.exitCode === 0) return;
  const how = ended.signal === null ? `exited with code ${ended.exitCode}` : `was ended by ${ended.signal}`;
  throw new PhaseFailure(failureCode, `\`${command}\` ${how}.`, {
    ...ended,
    hint: `The last lines of its output say why. Run \`${command}\` in an unpacked copy of the package to see it yourself.`,
  });
}
