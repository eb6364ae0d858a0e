import { confirm, isCancel, password, select, text } from '@clack/prompts';
import { CommandError } from './command-error.ts';

/** Questions go to standard error: standard output is for results. */
const output = process.stderr;

function answered<Answer>(answer: Answer): Exclude<Answer, symbol> {
  if (!isCancel(answer)) return answer as Exclude<Answer, symbol>;
  throw new CommandError('interrupted', 'Nothing was done.');
}

export async function askText(
  message: string,
  { initial, check }: { initial?: string; check?: (value: string) => string | undefined },
): Promise<string> {
  const validate = (value: string | undefined) => (value ? check?.(value) : 'Something is needed here.');
  return answered(await text({ message, initialValue: initial, validate, output }));
}

export async function askSecret(message: string): Promise<string> {
  return answered(await password({ message, output }));
}

export async function askConfirmation(message: string): Promise<boolean> {
  return answered(await confirm({ message, output }));
}

export interface Choice<Value> {
  readonly value: Value;
  readonly label: string;
  readonly hint?: string;
}

export async function askChoice<Value extends string>(
  message: string,
  choices: readonly Choice<Value>[],
): Promise<Value> {
  const options = choices.map(({ value, label, hint }) => ({ value: value as string, label, hint }));
  return answered(await select<string>({ message, options, output })) as Value;
}
