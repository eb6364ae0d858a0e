import {
  useId,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from 'react';
import classes from './field.module.css';

interface FieldProps {
  label: string;
  /** What it is good for, or what it must look like. */
  hint?: ReactNode;
}

interface HideableLabel {
  /** Names it for screen readers alone. */
  isLabelHidden?: boolean;
}

export function TextField({
  label,
  hint,
  isLabelHidden,
  ...input
}: FieldProps & HideableLabel & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className={classes['field']}>
      <label htmlFor={id} className={isLabelHidden ? 'visually-hidden' : ''}>
        {label}
      </label>
      <input {...input} id={id} className={classes['control']} aria-describedby={hint ? `${id}-hint` : undefined} />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

/** A text of several lines. */
export function TextAreaField({ label, hint, ...area }: FieldProps & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <div className={classes['field']}>
      <label htmlFor={id}>{label}</label>
      <textarea
        {...area}
        id={id}
        className={`${classes['control']} ${classes['area']}`}
        aria-describedby={hint ? `${id}-hint` : undefined}
      />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

interface SelectFieldProps
  extends FieldProps,
    HideableLabel,
    Omit<SelectHTMLAttributes<HTMLSelectElement>, 'onChange'> {
  options: readonly (readonly [value: string, text: string])[];
  onChoose: (value: string) => void;
}

export function SelectField({ label, hint, options, onChoose, isLabelHidden, ...select }: SelectFieldProps) {
  const id = useId();
  return (
    <div className={classes['field']}>
      <label htmlFor={id} className={isLabelHidden ? 'visually-hidden' : ''}>
        {label}
      </label>
      <select
        {...select}
        id={id}
        className={classes['control']}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChoose(event.target.value)}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

/** Fields that belong together, under one name. */
export function FieldGroup({ label, hint, children }: FieldProps & { children: ReactNode }) {
  const id = useId();
  return (
    <fieldset className={classes['group']} aria-describedby={hint ? `${id}-hint` : undefined}>
      <legend>{label}</legend>
      {children}
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </fieldset>
  );
}

export function CheckField({ label, hint, ...input }: FieldProps & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className={classes['check']}>
      <input {...input} type="checkbox" id={id} aria-describedby={hint ? `${id}-hint` : undefined} />
      <label htmlFor={id}>{label}</label>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}
