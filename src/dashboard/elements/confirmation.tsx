import type { ReactNode } from 'react';
import type { ApiError } from '../../client/api.ts';
import { Button } from './button.tsx';
import { Buttons, Dialog } from './dialog.tsx';
import formClasses from './form.module.css';
import { Refusal } from './states.tsx';

interface ConfirmationProps {
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** What the button that does it is called. */
  action: string;
  isRunning: boolean;
  error: ApiError | null;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks once more before something that cannot be taken back. */
export function Confirmation({ title, children, action, isRunning, error, onConfirm, onClose }: ConfirmationProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div className={formClasses['form']}>
        <div>{children}</div>
        <Refusal error={error} />
        <Buttons>
          <Button onClick={onClose}>Leave it</Button>
          <Button look="danger" isRunning={isRunning} onClick={onConfirm}>
            {action}
          </Button>
        </Buttons>
      </div>
    </Dialog>
  );
}
