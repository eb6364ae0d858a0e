import { openSandbox } from '../../src/targets/sandbox.ts';

/** A process that runs one command in a sandbox, and is killed by its test: FOLDER TMP MARKER COMMAND. */
const [cwd = '', tmp = '', marker = '', command = ''] = process.argv.slice(2);
const limits = { memoryBytes: 256 * 1024 * 1024, processes: 64, diskBytes: 64 * 1024 * 1024 };
const sandbox = await openSandbox({ commandPath: '/usr/bin:/bin', folders: [], limits });
await sandbox.exec(
  command,
  { owner: 'app_test', writable: [cwd], tmp },
  {
    cwd,
    env: { PATH: '/usr/bin:/bin' },
    signal: new AbortController().signal,
    killGraceMs: 500,
    marker,
    onOutput() {},
  },
);
