import { useEffect, useRef, useState } from 'react';
import { Button } from './button.tsx';
import { Command } from './command.tsx';
import { Buttons } from './dialog.tsx';
import { CheckField } from './field.tsx';
import formClasses from './form.module.css';
import { useUnsaved } from './unsaved.ts';

interface SecretOnceProps {
  text: string;
  /** What the button to copy it is called. */
  copyLabel: string;
  about: string;
  /** What the button that ends it is called. */
  done: string;
  onDone: () => void;
}

/** A secret that cannot be shown again. It goes when its user says that he has it, and not by a stray click. */
export function SecretOnce({ text, copyLabel, about, done, onDone }: SecretOnceProps) {
  const [isCopied, setIsCopied] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  // What made it is gone, and the focus with it.
  useEffect(() => place.current!.focus(), []);
  useUnsaved(true);
  return (
    <div ref={place} tabIndex={-1} className={formClasses['form']}>
      <p>{about}</p>
      <Command text={text} label={copyLabel} />
      <CheckField label="I have copied it" checked={isCopied} onChange={(event) => setIsCopied(event.target.checked)} />
      <Buttons>
        <Button look="primary" disabled={!isCopied} onClick={onDone}>
          {done}
        </Button>
      </Buttons>
    </div>
  );
}
