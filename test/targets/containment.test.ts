import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PhaseFailure } from '../../src/domain/errors.ts';
import { build } from '../../src/pipeline/phases/build.ts';
import { migrate } from '../../src/pipeline/phases/migrate.ts';
import { terminateGroup } from '../../src/targets/process-group.ts';
import { createFolder } from '../kit/folder.ts';
import { startPhaseIn, type PhaseSetup } from '../kit/phase.ts';
import { processesWith, uniqueNap } from '../kit/processes.ts';
import { isolation, SANDBOX } from '../kit/sandbox.ts';
import { until } from '../kit/until.ts';

function isNapping(pid: string, nap: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1') === `sleep\0${nap}\0`;
  } catch {
    return false; // Gone since we looked, or no process.
  }
}

/** What a build must not find, and where it looks for it. */
const TREASURE = `treasure-${process.pid}-${Date.now()}`;

describe.runIf(SANDBOX)('a build in the sandbox', () => {
  const folder = createFolder();
  const data = join(folder.path, 'data');
  const otherApp = join(data, 'apps', 'app_other');
  const isRoot = process.getuid?.() === 0;
  let service: Server;
  let port: number;
  beforeAll(async () => {
    mkdirSync(join(otherApp, 'data'), { recursive: true });
    mkdirSync(join(data, 'db'), { recursive: true });
    writeFileSync(join(otherApp, 'environment.json'), TREASURE);
    writeFileSync(join(data, 'db', 'base'), TREASURE);
    writeFileSync(join(data, 'secret.key'), TREASURE);
    process.env['WINDLASS_TEST_TREASURE'] = TREASURE; // oxlint-disable-line node/no-process-env -- it must not come through
    service = createServer((socket) => socket.end(TREASURE)).listen(0, '127.0.0.1');
    await once(service, 'listening');
    ({ port } = service.address() as AddressInfo);
  });
  afterAll(() => {
    service.close();
    folder[Symbol.dispose]();
  });

  interface Attempt {
    readonly lines: readonly string[];
    readonly failure: PhaseFailure | null;
    readonly workspace: string;
  }

  /** Runs commands as a build does, to their end. */
  async function attempt(
    commands: string[],
    setup: PhaseSetup = {},
    files: Record<string, string> = {},
  ): Promise<Attempt> {
    await using phase = await startPhaseIn(build, files, {
      isolation: isolation(),
      ...setup,
      manifest: { build: commands, ...setup.manifest },
    });
    const failure = await phase.done.then(
      () => null,
      (error: unknown) => error,
    );
    if (failure !== null && !(failure instanceof PhaseFailure)) throw failure;
    return { lines: phase.lines.filter((line) => !line.startsWith('$ ')), failure, workspace: phase.workspace };
  }

  /** Whether a command got what it wanted: it says so by ending well and printing it. */
  async function expectContained(
    command: string,
    setup: PhaseSetup = {},
    files: Record<string, string> = {},
  ): Promise<void> {
    const { lines, failure } = await attempt([command], setup, files);
    expect(failure?.code, lines.join('\n')).toBe('BUILD_FAILED');
    expect(lines.join('\n')).not.toContain(TREASURE);
  }

  test('works on its own files, with programs, a home and a folder for temporary files, as a user that has a name', async () => {
    const { lines, failure } = await attempt(
      [
        'echo made > made && mkdir -p "$HOME/.cache" && echo cached > "$HOME/.cache/it"',
        'cat made "$HOME/.cache/it" && echo temporary > /tmp/it && cat /tmp/it && id -un && node -p "require(\'os\').userInfo().username"',
      ],
      {},
      { 'read.txt': 'from the package' },
    );

    expect(failure).toBeNull();
    expect(lines).toEqual(['made', 'cached', 'temporary', 'build', 'build']);
  });

  test('gives its exit code to the deployment', async () => {
    const { failure } = await attempt(['exit 7']);

    expect(failure).toMatchObject({ code: 'BUILD_FAILED', exitCode: 7, message: '`exit 7` exited with code 7.' });
  });

  test.each([
    ["another app's environment", () => `cat ${otherApp}/environment.json`],
    ["another app's data", () => `ls ${otherApp}/data`],
    ['the folder of the database', () => `cat ${data}/db/base`],
    ['the key of the secrets', () => `cat ${data}/secret.key`],
    ['the data folder by its name', () => `ls ${data}`],
    ['the data folder by going up', () => 'ls ../../db || ls ../../../secret.key'],
    ['a folder of the machine through /proc', () => `cat /proc/1/root${data}/secret.key`],
    ['the shadow file', () => 'cat /etc/shadow'],
    ['the home of the worker', () => 'ls /root /home/*'],
    ['the keys of hosts', () => 'cat /etc/ssh/* /etc/ssl/private/*'],
    ['sockets of services', () => 'ls /run/*.sock /var/run/docker.sock /run/dbus /run/systemd /run/postgresql'],
    ['temporary files of others', () => `cat ${folder.path}/data/secret.key`],
    ['disks', () => 'ls /dev/vda /dev/sda /dev/nvme0 /dev/mem /dev/kmsg || head -c 1 /dev/kmsg'],
    ['the settings of the kernel', () => 'echo 1 > /proc/sys/kernel/panic'],
    ['control groups', () => 'ls /sys/fs/cgroup'],
    ['packages of the system to change', () => 'touch /usr/bin/planted'],
    ['a place beside its folders to write to', () => 'touch /planted || touch /etc/planted || touch ../planted'],
  ])('cannot reach %s', async (_what, command) => {
    await expectContained(command());
  });

  test('sees nothing of the environment of the worker, neither as its own nor in /proc', async () => {
    const { lines, failure } = await attempt([
      'env; cat /proc/*/environ 2>/dev/null | tr "\\0" "\\n"; ls /proc/self/fd',
    ]);

    expect(failure).toBeNull();
    expect(lines.join('\n')).not.toContain(TREASURE);
    const names = lines.filter((line) => line.includes('=')).map((line) => line.split('=')[0]);
    expect([...new Set(names)].toSorted()).toEqual(
      ['CI', 'HOME', 'LANG', 'PATH', 'PWD', 'WINDLASS_PROCESS_MARKER']
        .concat(names.includes('OLDPWD') ? ['OLDPWD'] : [])
        .toSorted(),
    );
  });

  test('finds no variable in the arguments of any process', async () => {
    const { lines, failure } = await attempt(['cat /proc/*/cmdline | tr "\\0" "\\n"; echo done'], {
      variables: [{ name: 'TOKEN', value: TREASURE, isSecret: true, phases: ['build'] }],
    });

    expect(failure).toBeNull();
    expect(lines).toContain('done');
    expect(lines.join('\n')).not.toContain(TREASURE);
  });

  // The loader says so in each program whose environment asks for it: the shell of the command is the first one.
  test('has its environment take effect in its own programs only, not in those that make the sandbox', async () => {
    const { lines } = await attempt(['echo "$QUOTED"'], {
      variables: [
        { name: 'LD_PRELOAD', value: './planted.so', isSecret: false, phases: ['build'] },
        { name: 'QUOTED', value: `it's "$HOME" \\ \`id\``, isSecret: false, phases: ['build'] },
      ],
    });

    expect(lines.filter((line) => line.includes('planted.so'))).toHaveLength(1);
    expect(lines.at(-1)).toBe(`it's "$HOME" \\ \`id\``);
  });

  test('sees and signals no process but its own', async () => {
    const nap = uniqueNap();
    const victim = spawn('sleep', [nap]);

    const { lines } = await attempt([
      `kill -9 ${victim.pid} ${process.pid}; ls -d /proc/[0-9]* | wc -l; ps ax | grep -c ${nap} || true`,
    ]);

    expect(victim.exitCode).toBeNull();
    expect(victim.signalCode).toBeNull();
    expect(processesWith(nap)).toHaveLength(1);
    expect(lines.every((line) => Number.isNaN(Number(line)) || Number(line) < 12)).toBe(true);
    victim.kill('SIGKILL');
  });

  test.each([
    ['the loopback', () => `127.0.0.1 ${port}`],
    ['every address of the machine', () => `0.0.0.0 ${port}`],
    ['metadata of a cloud', () => '169.254.169.254 80'],
    ['a private network', () => '10.0.0.1 80'],
    ['the internet', () => '1.1.1.1 443'],
  ])('without network, does not get through to %s', async (_what, target) => {
    const [host, to] = target().split(' ');
    await expectContained(
      `node -e 'const s = require("net").connect(${to}, "${host}"); s.setTimeout(3000, () => process.exit(3)); s.on("error", (e) => { console.log(e.code); process.exit(3); }); s.on("data", (d) => { console.log(String(d)); process.exit(0); }); s.on("connect", () => console.log("connected"));'`,
    );
  });

  test('does not take the port of a service away from the machine: it listens in a network of its own', async () => {
    const { lines, failure } = await attempt([
      `node -e 'require("net").createServer().listen(${port}, "127.0.0.1", function () { console.log("listens alone"); this.close(); })'`,
    ]);

    expect([failure, lines]).toEqual([null, ['listens alone']]);
    expect(service.listening).toBe(true);
  });

  test('does not reach abstract sockets of the machine', async () => {
    const name = `windlass-test-${process.pid}`;
    const abstract = createServer((socket) => socket.end(TREASURE)).listen(`\0${name}`);
    await once(abstract, 'listening');

    await expectContained(
      `node -e 'const s = require("net").connect("\\0${name}"); s.on("error", () => process.exit(3)); s.on("data", (d) => console.log(String(d)))'`,
    );

    abstract.close();
  });

  test('cannot start more processes than it may have, and the machine stays usable', async () => {
    const { failure, lines } = await attempt([
      'i=0; while [ $i -lt 300 ]; do sleep 5 & i=$((i+1)); done; echo all of them started',
    ]);

    expect(lines).not.toContain('all of them started');
    expect(failure?.code).toBe('BUILD_FAILED');
    expect((await attempt(['echo fine'])).lines).toEqual(['fine']);
  });

  test('cannot take more memory than it may have', async () => {
    const { failure, lines } = await attempt([
      `node --max-old-space-size=4096 -e 'const all = []; for (let i = 0; i < 40; i++) all.push(Buffer.alloc(32e6, i)); console.log("took " + all.length)'`,
    ]);

    expect(failure?.code).toBe('BUILD_FAILED');
    expect(lines.join('\n')).not.toContain('took');
  });

  test('cannot take memory by way of files in memory', async () => {
    const { lines } = await attempt(['dd if=/dev/zero of=/dev/shm/big bs=1M count=128 2>/dev/null || echo refused']);

    expect(lines).toEqual(['refused']);
  });

  test('cannot write one file that is larger than it may be', async () => {
    await expectContained('dd if=/dev/zero of=big bs=1M count=100 2>&1 && echo written');
  });

  test.each([
    ['its folder', '.'],
    ['its temporary files', '/tmp'],
    ['its home', '"$HOME"'],
  ])('is stopped when it fills the disk by way of %s', async (_what, where) => {
    const { failure } = await attempt([
      `i=0; while [ $i -lt 200 ]; do head -c 8000000 /dev/zero > ${where}/fill-$i; i=$((i+1)); sleep 0.1; done`,
    ]);

    expect(failure).toMatchObject({ code: 'BUILD_FAILED' });
    expect(failure?.message).toContain('was stopped: it made more than 67108864 bytes.');
  });

  test.runIf(isRoot)(
    'has rights over nothing: no capability, no other user, no new rights by setuid programs',
    async () => {
      const { lines } = await attempt([
        'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status',
        'chown 0 . 2>/dev/null || echo no owner; mount -t tmpfs none /tmp 2>/dev/null || echo no mount; mknod disk b 8 0 2>/dev/null || echo no device',
      ]);

      expect(Number(lines[0])).toBeGreaterThan(1_000_000_000);
      expect(lines.slice(1)).toEqual([
        'CapEff:\t0000000000000000',
        'CapBnd:\t0000000000000000',
        'NoNewPrivs:\t1',
        'no owner',
        'no mount',
        'no device',
      ]);
    },
  );

  test('cannot put something else in the place of its folder, for the worker to pack', async () => {
    const { failure, workspace } = await attempt(['cd / && mv "$OLDPWD" "$OLDPWD.away" && ln -s / "$OLDPWD"']);

    expect(failure?.code).toBe('BUILD_FAILED');
    expect(existsSync(join(workspace, 'source.away'))).toBe(false);
  });

  test('leaves nothing that runs, however it tries to stay', async () => {
    const nap = uniqueNap();

    const { failure } = await attempt([
      `setsid sleep ${nap} & (setsid env -i sleep ${nap} &) ; sh -c 'trap "" TERM HUP; sleep ${nap}' & echo left`,
    ]);

    expect(failure).toBeNull();
    expect(processesWith(nap)).toEqual([]);
  });

  test('is gone with everything it started when it is cancelled, also what ignores signals and sheds its environment', async () => {
    const nap = uniqueNap();
    const command = `setsid env -i sh -c 'trap "" TERM; sleep ${nap}; sleep ${nap}' & trap "" TERM; echo started; sleep ${nap}; sleep ${nap}`;
    await using phase = await startPhaseIn(build, {}, { isolation: isolation(), manifest: { build: [command] } });
    await phase.untilLine(/^started$/);

    phase.cancel();

    await expect(phase.done).rejects.toThrow('cancelled');
    expect(processesWith(nap)).toEqual([]);
  });

  test('is found and ended by its marker when its worker was killed', async () => {
    const nap = uniqueNap();
    const [cwd, tmp] = [join(folder.path, 'work'), join(folder.path, 'tmp')];
    for (const path of [cwd, tmp]) mkdirSync(path);
    const command = `setsid env -i sh -c 'trap "" TERM; sleep ${nap}; sleep ${nap}' & sleep ${nap}`;
    const args = ['--import', 'tsx', 'test/kit/sandboxed-worker.ts', cwd, tmp, 'dep_killed/1', command];
    const worker = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    await until('the command runs', () => readdirSync('/proc').some((pid) => isNapping(pid, nap)));

    worker.kill('SIGKILL');
    await once(worker, 'exit');
    await terminateGroup({ leader: null, marker: 'dep_killed/1' }, 500);

    expect(processesWith(nap)).toEqual([]);
  });

  test('gets time to end by itself when it is cancelled', async () => {
    const command = `trap 'echo cleaned up; exit 0' TERM; echo started; while true; do sleep 0.05; done`;
    await using phase = await startPhaseIn(build, {}, { isolation: isolation(), manifest: { build: [command] } });
    await phase.untilLine(/^started$/);

    phase.cancel();

    await expect(phase.done).rejects.toThrow('cancelled');
    expect(phase.lines).toContain('cleaned up');
  });

  describe('with network', () => {
    const network = { buildNetwork: true } as const;
    let web: Server;
    let webPort: number;
    beforeAll(async () => {
      web = createHttpServer((_request, response) => response.end(TREASURE)).listen(0, '127.0.0.1');
      await once(web, 'listening');
      webPort = (web.address() as AddressInfo).port;
    });
    afterAll(() => web.close());

    const GET = (url: string) =>
      `node -e 'const { request } = require("http"); const p = new URL(process.env.HTTP_PROXY); const c = request({ host: p.hostname, port: p.port, path: "${url}", headers: { host: new URL("${url}").host } }, (r) => { r.pipe(process.stdout); r.on("end", () => { console.log(); process.exitCode = r.statusCode === 200 ? 0 : 3; }); }); c.on("error", () => process.exit(4)); c.end()'`;
    const CONNECT = (target: string) =>
      `node -e 'const { request } = require("http"); const p = new URL(process.env.HTTPS_PROXY); const c = request({ host: p.hostname, port: p.port, method: "CONNECT", path: "${target}" }); c.on("connect", (r, s) => { if (r.statusCode !== 200) process.exit(3); s.write("GET / HTTP/1.0\\r\\n\\r\\n"); s.on("data", (d) => console.log(String(d))); s.on("end", () => process.exit(0)); }); c.on("error", () => process.exit(4)); c.end()'`;

    test.each(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '2130706433', '0x7f000001'])(
      'does not reach the loopback as %s, neither through the proxy nor around it',
      async (host) => {
        await expectContained(GET(`http://${host}:${webPort}/`), network);
        await expectContained(CONNECT(`${host}:${webPort}`), network);
        await expectContained(
          `node -e 'require("net").connect(${webPort}, "127.0.0.1").on("error", () => process.exit(3))'`,
          network,
        );
      },
    );

    test('reaches a host that is allowed, by request and by tunnel', async () => {
      const allowed = { ...network, isolation: isolation(['127.0.0.1']) };

      const { lines, failure } = await attempt(
        [GET(`http://127.0.0.1:${webPort}/`), CONNECT(`127.0.0.1:${webPort}`)],
        allowed,
      );

      expect(failure).toBeNull();
      expect(lines.filter((line) => line.includes(TREASURE))).toHaveLength(2);
    });

    test('has the mirrors that the machine is set up with, and has not without network', async () => {
      const command = 'echo "${npm_config_registry-none} ${HTTPS_PROXY-none}"';

      expect((await attempt([command], network)).lines).toEqual(['http://mirror.test/ http://127.0.0.1:3128']);
      expect((await attempt([command])).lines).toEqual(['none none']);
    });

    test('ends with its own exit code, and leaves no way out behind', async () => {
      const nap = uniqueNap();

      const { failure } = await attempt([`exit 9 # ${nap}`], network);

      expect(failure).toMatchObject({ exitCode: 9 });
      // The way out has the command in its arguments, and nobody else has.
      expect(processesWith(nap)).toEqual([]);
    });
  });

  describe('a migration', () => {
    test('writes to the data folder of its app, and to no other', async () => {
      using app = createFolder();
      const dataDir = join(app.path, 'data');
      mkdirSync(dataDir);
      writeFileSync(join(dataDir, 'app.db'), 'before');

      await using phase = await startPhaseIn(
        migrate,
        {},
        {
          isolation: isolation(),
          provisioned: { DATA_DIR: dataDir, DATABASE_URL: `file:${dataDir}/app.db` },
          manifest: {
            migrate: [
              'echo after > "$DATA_DIR/app.db" && echo new > "$DATA_DIR/new"',
              `! ls ${app.path}/other ${otherApp}`,
            ],
          },
        },
      );
      await phase.done;

      expect(readFileSync(join(dataDir, 'app.db'), 'utf8')).toBe('after\n');
      expect(statSync(join(dataDir, 'new')).isFile()).toBe(true);
    });

    test("reaches the server of its app's database, and nothing else", async () => {
      const command = `node -e 'const { hostname, port } = new URL(process.env.DATABASE_URL); require("net").connect(port, hostname).on("data", (d) => console.log(String(d)))'`;
      const elsewhere = `! node -e 'const s = require("net").connect(${port + 1}, "127.0.0.1"); s.on("error", () => process.exit(3)); s.on("connect", () => process.exit(0))'`;

      await using phase = await startPhaseIn(
        migrate,
        {},
        {
          isolation: isolation(),
          provisioned: { DATABASE_URL: `postgresql://app:secret@localhost:${port}/app` },
          manifest: { migrate: [command, elsewhere] },
        },
      );
      await phase.done;

      expect(phase.lines).toContain(TREASURE);
      await until(
        'the tunnel is closed',
        () => new Promise((resolve) => service.getConnections((_error, count) => resolve(count === 0))),
      );
    });
  });
});
