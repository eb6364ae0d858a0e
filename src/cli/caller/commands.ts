import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { ExitName } from './exit-codes.ts';
import {
  LOG_LEVELS,
  LOG_STREAMS,
  ON_INTERRUPT,
  OVERLAPS,
  PHASES,
  SHELLS,
  STATUSES,
  type Shell,
} from './option-choices.ts';
import { parseDuration, parseLimit, parseSeq } from './option-values.ts';
import type { CallerOptions } from './run.ts';
import type { Caller } from './session.ts';

/** Runs what a command loads only when it is called: `windlass --help` loads none of it. */
type Run = (caller: Caller) => Promise<ExitName | void>;

async function run(options: CallerOptions, command: Run): Promise<void> {
  const { runCaller } = await import('./run.ts');
  await runCaller(options, command);
}

const APP = 'a subdomain, id or URL; default: the app that this folder is linked to';
const DEPLOYMENT = 'an id or the beginning of one, a number, a URL, or @latest; default: @latest';
const HOUR_MS = 3_600_000;

/** `serveApi` is what `windlass api` does for operators, when it gets nothing to send. */
export function addCallerCommands(program: Command, serveApi: () => Promise<void>): void {
  addSignIn(program);
  addShipping(program);
  addLooking(program);
  addLists(program);
  addRest(program);
  addApi(program, serveApi);
  addHelp(program);
}

/** A command with what all commands for callers have. */
function add(program: Command, name: string, description: string, examples: readonly string[] = []): Command {
  const command = program
    .command(name)
    .description(description)
    .helpGroup('Commands for callers:')
    .option('--url <url>', 'the server; default: WINDLASS_URL, the link of this folder, or the last sign-in')
    .option('--json', 'print JSON for programs on standard output')
    .option('-q, --quiet', 'say nothing but the result and what went wrong');
  const shown = examples.map((example) => `  $ windlass ${example}`).join('\n');
  return examples.length === 0 ? command : command.addHelpText('after', `\nExamples:\n${shown}`);
}

function addSignIn(program: Command): void {
  add(program, 'login', 'Sign in to a server: keep a token, after the server has said whose it is.', [
    'login --url https://windlass.example.com',
    'login --url https://windlass.example.com < token.txt',
  ])
    .option('--token <token>', 'the token; better by a pipe or when asked: others on this machine see arguments')
    .action((options) => run(options, async (caller) => (await import('./login.ts')).runLogin(caller, options)));
  add(program, 'logout', 'Forget the token for a server.').action((options) =>
    run(options, async (caller) => (await import('./login.ts')).runLogout(caller)),
  );
  add(program, 'whoami', 'Show who the server takes you for, and what you may do.').action((options) =>
    run(options, async (caller) => (await import('./login.ts')).runWhoami(caller)),
  );
  add(program, 'init', 'Link this folder to an app, and make the app if it is not there.', [
    'init',
    'init --app shop --create',
  ])
    .option('--organization <slug>', 'the organization of a new app; needed if you are in more than one')
    .option('--app <subdomain>', 'the subdomain of the app')
    .option('--entity <slug>', 'the entity of a new app, new or not; default: the one with the name of the app')
    .option('--name <name>', 'the name of a new entity for people; default: the subdomain')
    .option('--create', 'make what is not there, without a question')
    .action((options) => run(options, async (caller) => (await import('./init.ts')).runInit(caller, options)));
}

function addShipping(program: Command): void {
  add(program, 'push', 'Pack this folder and push it as a version, without deploying it.', [
    'push',
    'push --as 2026.01.31-1 --activate',
  ])
    .argument('[app]', APP)
    .option('--as <version>', 'the name of the version; default: that of package.json and a hash of the package')
    .option('--activate', 'make it what is deployed when no version is named; default: if there is none yet')
    .option('--force', 'make a new version even if the same source was pushed before')
    .action((app, options) =>
      run(options, async (caller) => (await import('./push.ts')).runPush(caller, app, options)),
    );
  making(
    add(program, 'deploy', 'Ship this folder, or a version that was pushed before, and follow it to its end.', [
      'deploy',
      'deploy shop --version @latest --reason "fix the cart"',
      'deploy --json --timeout 20m | tail -1 | jq -r .status',
    ]),
  )
    .argument('[app]', APP)
    .option('--version <version>', 'ship this version: its name, an id or the beginning of one, or @latest')
    .option('--active', 'ship the active version')
    .option('--no-activate', 'do not make a version that was pushed here the active one once it serves')
    .action((app, options) =>
      run(options, async (caller) => (await import('./deploy.ts')).runDeploy(caller, app, options)),
    );
  making(
    add(program, 'retry', 'Try a failed or cancelled deployment again, and follow it.', ['retry', 'retry dep_01k']),
  )
    .argument('[deployment]', DEPLOYMENT)
    .option('--app <app>', APP)
    .action((deployment, options) =>
      run(options, async (caller) => (await import('./rerun.ts')).runRetry(caller, deployment, options)),
    );
  making(
    add(program, 'redeploy', 'Ship the version of a deployment once more, and follow it.', [
      'redeploy --reason "new variables"',
      'redeploy dep_01k',
    ]),
  )
    .argument('[deployment]', DEPLOYMENT)
    .option('--app <app>', APP)
    .action((deployment, options) =>
      run(options, async (caller) => (await import('./rerun.ts')).runRedeploy(caller, deployment, options)),
    );
  making(
    add(program, 'rollback', 'Go back to an earlier deployment, and follow it.', [
      'rollback --plan',
      'rollback shop --to 1.4.2',
    ]),
  )
    .argument('[app]', APP)
    .option('--to <target>', 'a deployment or a version; default: the last one before what serves')
    .option('--plan', 'show what it would do, and do nothing')
    .option('--allow-irreversible', 'go back even if migrations since then are marked as irreversible')
    .action((app, options) =>
      run(options, async (caller) => (await import('./rerun.ts')).runRollback(caller, app, options)),
    );
  following(add(program, 'cancel', 'Stop a deployment, and wait until it has stopped.', ['cancel', 'cancel --force']))
    .argument('[deployment]', DEPLOYMENT)
    .option('--app <app>', APP)
    .option('--force', 'end a running migration command, too')
    .option('--reason <text>', 'why, for whoever reads the history')
    .option('--no-wait', 'leave as soon as it was asked to stop')
    .action((deployment, options) =>
      run(options, async (caller) => (await import('./cancel.ts')).runCancel(caller, deployment, options)),
    );
}

function addLooking(program: Command): void {
  add(program, 'status', 'Show how a deployment stands.', ['status', 'status --app shop --json'])
    .argument('[deployment]', DEPLOYMENT)
    .option('--app <app>', APP)
    .action((deployment, options) =>
      run(options, async (caller) => (await import('./status.ts')).runStatus(caller, deployment, options)),
    );
  following(
    add(program, 'watch', 'Follow a deployment to its end; the exit code says how it ended.', ['watch @latest']),
  )
    .argument('[deployment]', DEPLOYMENT)
    .option('--app <app>', APP)
    .action((deployment, options) =>
      run(options, async (caller) => (await import('./status.ts')).runWatch(caller, deployment, options)),
    );
  add(program, 'logs', 'Print the log of a deployment, or what an app prints.', [
    'logs --phase build --level warn',
    'logs --runtime --follow --app shop --grep ERROR',
  ])
    .argument('[deployment]', `${DEPLOYMENT}; with --runtime: the app`)
    .option('--app <app>', APP)
    .option('--runtime', 'what the running app prints')
    .option('-f, --follow', 'go on with what comes')
    .addOption(listOption('--phase <phase>', 'only lines of this phase; may be given again', PHASES))
    .addOption(listOption('--stream <stream>', 'only lines of this stream; may be given again', LOG_STREAMS))
    .addOption(new Option('--level <level>', 'only lines at least this urgent').choices(LOG_LEVELS))
    .option('--grep <text>', 'only lines that hold this text')
    .option('--since <time>', 'only lines since a moment, or for so long: 10m, 2026-01-31T12:00:00Z')
    .option('--after <seq>', 'only lines after this number', parseSeq)
    .option('-t, --timestamps', 'begin each line with its time')
    .action((deployment, options) =>
      run(options, async (caller) => (await import('./logs.ts')).runLogs(caller, deployment, options)),
    );
}

function addLists(program: Command): void {
  const limited = (command: Command) => command.option('--limit <count>', 'at most so many', parseLimit, 20);
  limited(add(program, 'deployments', 'List deployments, newest first.'))
    .argument('[app]', APP)
    .option('--all', 'those of all apps, also in a folder that is linked to one')
    .addOption(listOption('--status <status>', 'only those in this status; may be given again', STATUSES))
    .action((app, options) =>
      run(options, async (caller) => (await import('./lists.ts')).runDeployments(caller, app, options)),
    );
  limited(add(program, 'apps', 'List the apps that you may see.')).action((options) =>
    run(options, async (caller) => (await import('./lists.ts')).runApps(caller, options)),
  );
  limited(add(program, 'versions', 'List the versions of an app, newest first.'))
    .argument('[app]', APP)
    .action((app, options) =>
      run(options, async (caller) => (await import('./lists.ts')).runVersions(caller, app, options)),
    );
}

function addRest(program: Command): void {
  add(program, 'open', 'Print where an app answers, and open it in a browser.')
    .argument('[app]', APP)
    .option('--page', 'its page in Windlass instead')
    .action((app, options) =>
      run(options, async (caller) => (await import('./open.ts')).runOpen(caller, app, options)),
    );
  program
    .command('completion')
    .description('Print a script that completes commands, options, apps, versions and deployments.')
    .helpGroup('Commands for callers:')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', '\nExamples:\n  $ source <(windlass completion bash)\n  $ windlass completion fish | source')
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./completion.ts');
      process.stdout.write(completionScript(shell));
    });
  // What those scripts ask.
  program
    .command('__complete', { hidden: true })
    .argument('[word...]')
    .action(async (words: string[]) =>
      run({}, async (caller) => (await import('./complete.ts')).runComplete(caller, program, words)),
    );
}

function addApi(program: Command, serveApi: () => Promise<void>): void {
  const about = 'Send any GraphQL, and print the data that comes back. Without a query: run the API alone.';
  add(program, 'api', about, [
    "api '{ viewer { user { name } } }'",
    "api 'query ($id: ID!) { deployment(id: $id) { status } }' -F id=dep_…",
    'api query.graphql --var-json \'{"first":5}\'',
  ])
    .argument('[query]', 'the text itself, a file, or - for standard input')
    .option('-F, --field <name=value>', 'a variable; numbers, true, false and null are what they look like', addTo)
    .option('-f, --raw-field <name=value>', 'a variable that is a text', addTo)
    .option('--var-json <json>', 'all variables as a JSON object')
    .action(async (query, options, command: Command) => {
      if (query !== undefined) {
        return run(options, async (caller) => (await import('./api.ts')).runApi(caller, query, options));
      }
      if (Object.keys(options).length > 0) command.error('error: these options need a query. See: windlass help api');
      await serveApi();
    });
}

function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .addHelpText('after', '\nHow commands end: windlass help exit-codes')
    .command('help')
    .description('Show the help of a command, or all exit codes: windlass help exit-codes.')
    .helpGroup('Commands for callers:')
    .argument('[command...]', 'a command, or exit-codes')
    .action(async (names: string[]) => {
      if (names[0] === 'exit-codes') {
        const { exitCodesText } = await import('./exit-codes.ts');
        return void process.stdout.write(exitCodesText());
      }
      let command: Command | undefined = program;
      for (const name of names) command = command?.commands.find((child) => child.name() === name);
      if (command) return command.outputHelp();
      program.error(`error: unknown command '${names.join(' ')}'. See: windlass help`);
    });
}

/** An option that may be given more than once. Not one that takes several words: it would take the arguments, too. */
function listOption(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices).argParser((value, before: string[] | undefined) => {
    if (choices.includes(value)) return addTo(value, before);
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
  });
}

function addTo(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** The options of commands that make a deployment and follow it. */
function making(command: Command): Command {
  return following(command)
    .option('--reason <text>', 'why, for whoever reads the history')
    .addOption(new Option('--overlap <policy>', 'what to do to open deployments of the app').choices(OVERLAPS))
    .option('--idempotency-key <key>', 'the same key makes no second deployment; default: a new one for each run')
    .option('--no-wait', 'leave as soon as the deployment is made');
}

function following(command: Command): Command {
  return command
    .addOption(
      new Option('--timeout <duration>', 'stop waiting after this time: 90s, 10m; 0: never')
        .argParser(parseDuration)
        .default(HOUR_MS, '1h'),
    )
    .addOption(
      new Option('--on-interrupt <action>', 'what the first Ctrl-C does where it matters').choices(ON_INTERRUPT),
    );
}
