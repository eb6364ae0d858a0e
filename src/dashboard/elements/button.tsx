import type { ComponentProps, MouseEvent } from 'react';
import classes from './button.module.css';

type Look = 'plain' | 'primary' | 'danger' | 'quiet';

interface ButtonProps extends ComponentProps<'button'> {
  look?: Look;
  /** Shows that it works, and cannot be pressed meanwhile. */
  isRunning?: boolean;
}

/**
 * What is disabled can be reached all the same, and does nothing: a button that was just pressed would else drop the focus,
 * and no keyboard would come to the reason in its title.
 */
export function Button({
  look = 'plain',
  isRunning = false,
  disabled,
  className = '',
  onClick,
  children,
  ...rest
}: ButtonProps) {
  const isOff = disabled || isRunning;
  return (
    <button
      type="button"
      {...rest}
      className={`${classes['button']} ${classes[look]} ${className}`}
      aria-busy={isRunning || undefined}
      aria-disabled={isOff || undefined}
      onClick={isOff ? refuseClick : onClick}
    >
      {isRunning && <span className={classes['spinner']} aria-hidden="true" />}
      {children}
    </button>
  );
}

/** Also keeps a form from being sent by Enter. */
function refuseClick(event: MouseEvent): void {
  event.preventDefault();
}
