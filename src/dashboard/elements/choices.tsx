import { useId, type ReactNode } from 'react';
import { CheckField } from './field.tsx';
import classes from './choices.module.css';

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
  /** Shown as it is, and not to be changed. */
  readonly isFixed?: boolean;
}

interface ChoicesProps {
  legend: string;
  hint?: ReactNode;
  choices: readonly Choice[];
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

/** Any of some, by boxes to check. */
export function Choices({ legend, hint, choices, chosen, onChoose }: ChoicesProps) {
  function toggle(value: string) {
    const next = new Set(chosen);
    if (!next.delete(value)) next.add(value);
    onChoose(next);
  }
  return (
    <fieldset className={classes['choices']}>
      <legend>{legend}</legend>
      {hint && <small className={classes['hint']}>{hint}</small>}
      {choices.map(({ value, label, hint: about, isFixed }) => (
        <CheckField
          key={value}
          label={label}
          hint={about}
          checked={chosen.has(value)}
          disabled={isFixed}
          onChange={() => toggle(value)}
        />
      ))}
    </fieldset>
  );
}

interface OneOfProps<Value extends string> {
  legend: string;
  options: readonly (readonly [value: Value, text: string])[];
  chosen: Value;
  onChoose: (value: Value) => void;
}

/** One of a few, all of which are seen. */
export function OneOf<Value extends string>({ legend, options, chosen, onChoose }: OneOfProps<Value>) {
  const name = useId();
  return (
    <fieldset className={classes['oneOf']}>
      <legend>{legend}</legend>
      {options.map(([value, text]) => (
        <label key={value}>
          <input type="radio" name={name} checked={value === chosen} onChange={() => onChoose(value)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}
