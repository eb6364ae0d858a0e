import { CopyButton } from './copy-button.tsx';
import classes from './command.module.css';

/** A text to copy and to run, or to keep. */
export function Command({ text, label = 'Copy the command' }: { text: string; label?: string }) {
  return (
    <div className={classes['command']}>
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} label={label} />
    </div>
  );
}
