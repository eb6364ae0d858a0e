import { useState, type FormEvent } from 'react';
import type { PhaseName } from '../../generated/gql/graphql.ts';
import { Button } from '../elements/button.tsx';
import { Buttons, Dialog } from '../elements/dialog.tsx';
import { CheckField, FieldGroup, TextAreaField, TextField } from '../elements/field.tsx';
import formClasses from '../elements/form.module.css';
import {
  nameProblem,
  phasesOfNew,
  VARIABLE_PHASES,
  type StoredVariable,
  type VariableChange,
  type VariableRow,
} from './environment-draft.ts';

/** Says what a variable is to become. Nothing is sent from here: what is applied is saved with all the rest. */
export function VariableDialog({
  variable,
  taken,
  onApply,
  onClose,
}: {
  /** Null: a new one. */
  variable: VariableRow<StoredVariable> | null;
  /** The names of all that there are. */
  taken: readonly string[];
  onApply: (change: VariableChange) => void;
  onClose: () => void;
}) {
  const [name, setName] = useState(variable?.name ?? '');
  const [value, setValue] = useState((variable && !variable.isSecret && variable.value) || '');
  const [isSecret, setIsSecret] = useState(variable?.isSecret ?? true);
  const [chosen, setChosen] = useState<readonly PhaseName[] | null>(variable?.phases ?? null);
  const [problem, setProblem] = useState<string | null>(null);
  const phases = chosen ?? phasesOfNew(isSecret);
  const wasSecret = variable?.stored?.isSecret ?? false;

  function submit(event: FormEvent) {
    event.preventDefault();
    const found = (variable ? null : nameProblem(name, taken)) ?? (phases.length > 0 ? null : 'Choose who gets it.');
    setProblem(found);
    if (found !== null) return;
    onApply({ name, value, isSecret, phases });
    onClose();
  }

  return (
    <Dialog title={variable ? `Change ${variable.name}` : 'Add a variable'} onClose={onClose}>
      <form className={formClasses['form']} onSubmit={submit}>
        {!variable && (
          <TextField
            label="Name"
            value={name}
            required
            maxLength={128}
            autoComplete="off"
            spellCheck={false}
            placeholder="API_KEY"
            onChange={(event) => setName(event.target.value)}
          />
        )}
        <TextAreaField
          label={wasSecret ? 'New value' : 'Value'}
          value={value}
          required={isSecret || wasSecret}
          autoComplete="off"
          spellCheck={false}
          hint={wasSecret && 'What is stored cannot be read, so that every change needs the value again.'}
          onChange={(event) => setValue(event.target.value)}
        />
        <CheckField
          label="Secret"
          hint={
            isSecret
              ? 'It can be replaced and removed, and is never shown again.'
              : 'Everybody who sees the app can read the value.'
          }
          checked={isSecret}
          onChange={(event) => setIsSecret(event.target.checked)}
        />
        <FieldGroup label="Given to" hint="What a build gets, it may leave in the artifact.">
          {VARIABLE_PHASES.map(([phase, word]) => (
            <CheckField
              key={phase}
              label={word}
              checked={phases.includes(phase)}
              onChange={({ target: { checked } }) =>
                setChosen(checked ? [...phases, phase] : phases.filter((each) => each !== phase))
              }
            />
          ))}
        </FieldGroup>
        {problem && <p role="alert">{problem}</p>}
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button type="submit" look="primary">
            {variable ? 'Change' : 'Add'}
          </Button>
        </Buttons>
      </form>
    </Dialog>
  );
}
