import { X } from 'lucide-react';
import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { Button } from './button.tsx';
import classes from './dialog.module.css';

interface DialogProps {
  title: string;
  onClose: () => void;
  /** Nothing closes it but what stands in it. */
  isHeld?: boolean;
  children: ReactNode;
}

/** Above the page and alone with the keyboard, until Escape, its cross or a click beside it. */
export function Dialog({ title, onClose, isHeld = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const inside = useRef<HTMLDivElement>(null);
  const titleId = useId();
  const isPressedBeside = useRef(false);
  useLayoutEffect(() => {
    const element = dialog.current!;
    element.showModal();
    // The first to do is to fill it in or to read it, and not to close it.
    (element.querySelector<HTMLElement>('input, select, textarea') ?? inside.current!).focus();
    // What had the focus before gets it again: only a dialog that is closed, and not just gone, gives it back.
    return () => element.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={classes['dialog']}
      aria-labelledby={titleId}
      onCancel={(event) => isHeld && event.preventDefault()}
      // A browser may close it without asking, when Escape is pressed again.
      onClose={() => {
        if (isHeld) dialog.current?.showModal();
        else if (dialog.current) onClose();
      }}
      // Whoever marks a text and lets go beside the dialog does not mean to close it.
      onPointerDown={(event) => (isPressedBeside.current = event.target === dialog.current)}
      onClick={(event) => !isHeld && isPressedBeside.current && event.target === dialog.current && onClose()}
    >
      <div ref={inside} tabIndex={-1} className={classes['inside']}>
        <header className={classes['head']}>
          <h2 id={titleId}>{title}</h2>
          {!isHeld && (
            <Button look="quiet" aria-label="Close" onClick={onClose}>
              <X aria-hidden="true" />
            </Button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** The buttons at the end of a dialog or a form. */
export function Buttons({ children }: { children: ReactNode }) {
  return <div className={classes['buttons']}>{children}</div>;
}
