import type { Command, Option } from 'commander';
import type { Shell } from './option-choices.ts';

/** A word that may stand where the cursor is. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** What only the server knows. */
export type ServerNames =
  | { readonly kind: 'apps' }
  /** Of an app, if one is named: else of the one that the folder is linked to. */
  | { readonly kind: 'deployments' | 'versions'; readonly app: string | undefined };

export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly names: ServerNames | null;
}

const EXIT_CODES_TOPIC: Candidate = { word: 'exit-codes', description: 'How commands end.' };
const NOTHING: Completion = { candidates: [], names: null };

/** What may stand in place of the last word, after those before it. It is made of the program itself, so it lacks nothing. */
export function completionOf(program: Command, typed: readonly string[]): Completion {
  // Bash makes words of `--option=value` that are three.
  const [word = '', ...before] = typed.map((one) => (one === '=' ? '' : one)).toReversed();
  const line = readLine(program, before.toReversed());
  const completion = completionAt(program, line, word);
  return { ...completion, candidates: completion.candidates.filter((candidate) => candidate.word.startsWith(word)) };
}

interface Line {
  readonly command: Command;
  readonly values: readonly string[];
  readonly app: string | undefined;
  /** One that waits for its value. */
  readonly option: Option | null;
}

function readLine(program: Command, words: readonly string[]): Line {
  let command = program;
  let option: Option | null = null;
  let app: string | undefined;
  const values: string[] = [];
  for (const word of words) {
    if (word === '') continue;
    if (option) {
      if (option.long === '--app') app = word;
      option = null;
    } else if (word.startsWith('-')) {
      const found = command.options.find(({ long, short }) => word === long || word === short);
      if (found && takesValue(found)) option = found;
    } else {
      const child: Command | undefined = values.length === 0 ? childrenOf(command).get(word) : undefined;
      if (child) command = child;
      else values.push(word);
    }
  }
  const isOfApp = command.registeredArguments[0]?.name() === 'app';
  return { command, values, option, app: app ?? (isOfApp ? values[0] : undefined) };
}

function completionAt(program: Command, { command, values, option, app }: Line, word: string): Completion {
  if (option) return valuesOf(option, app);
  if (word.startsWith('-')) return { candidates: flagsOf(command), names: null };
  if (values.length > 0) return NOTHING;
  const argument = command.registeredArguments[0];
  const choices = (argument?.argChoices ?? []).map((choice) => ({ word: choice, description: '' }));
  const candidates = [...commandsOf(command), ...choices];
  const name = argument?.name();
  if (name === 'app') return { candidates, names: { kind: 'apps' } };
  if (name === 'deployment') return { candidates, names: { kind: 'deployments', app } };
  if (name === 'command') return { candidates: [...commandsOf(program), EXIT_CODES_TOPIC], names: null };
  return { candidates, names: null };
}

function valuesOf({ long, argChoices }: Option, app: string | undefined): Completion {
  if (long === '--app') return { candidates: [], names: { kind: 'apps' } };
  if (long === '--version' || long === '--to') return { candidates: [], names: { kind: 'versions', app } };
  return { candidates: (argChoices ?? []).map((word) => ({ word, description: '' })), names: null };
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function flagsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, short, description }) =>
      [long, short].flatMap((word) => (word === undefined ? [] : [{ word, description }])),
    );
}

function childrenOf(command: Command): Map<string, Command> {
  return new Map(
    command
      .createHelp()
      .visibleCommands(command)
      .map((child) => [child.name(), child]),
  );
}

function commandsOf(command: Command): Candidate[] {
  return [...childrenOf(command)].map(([word, child]) => ({ word, description: child.description() }));
}

/** The script that has a shell ask this program, by its hidden command `__complete`, which prints a candidate on each line. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

const SCRIPTS: Record<Shell, string> = {
  bash: `# bash completion of windlass: source <(windlass completion bash)
_windlass() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$1" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o nosort -F _windlass windlass
`,
  zsh: `#compdef windlass
# zsh completion of windlass: source <(windlass completion zsh)
_windlass() {
  local -a candidates
  candidates=("\${(@f)$("\${(Q)words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=("\${(@)candidates//:/\\\\:}")
  candidates=("\${(@)candidates/$'\\t'/:}")
  if [[ -n "$candidates" ]]; then
    _describe -V windlass candidates
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _windlass ]]; then
  _windlass "$@"
else
  compdef _windlass windlass
fi
`,
  fish: `# fish completion of windlass: windlass completion fish | source
function __windlass_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    $words[1] __complete -- $words[2..-1] "$word" 2>/dev/null
end
complete -c windlass -f -k -a '(__windlass_complete)'
complete -c windlass -n '__fish_seen_subcommand_from api' -F
`,
};
