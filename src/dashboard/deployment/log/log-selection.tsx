import { Link2, X } from 'lucide-react';
import { Button } from '../../elements/button.tsx';
import { CopyButton } from '../../elements/copy-button.tsx';
import type { LineRange } from './log-address.ts';
import classes from './log-viewer.module.css';

interface LogSelectionProps {
  readonly range: LineRange;
  /** The text of the lines, read if need be. */
  readonly readText: () => Promise<string>;
  readonly onClear: () => void;
}

/** What can be done with the chosen lines. */
export function LogSelection({ range: { first, last }, readText, onClear }: LogSelectionProps) {
  const isOne = first === last;
  return (
    <div className={classes['selection']} role="group" aria-label="Chosen lines">
      <strong>{isOne ? `Line ${first}` : `Lines ${first}–${last}`}</strong>
      <CopyButton label={isOne ? 'Copy the line' : 'Copy the lines'} text={readText}>
        Copy
      </CopyButton>
      <CopyButton label="Copy a link to them" text={() => location.href} icon={Link2}>
        Link
      </CopyButton>
      <Button look="quiet" aria-label="Choose no lines" onClick={onClear}>
        <X aria-hidden="true" />
      </Button>
    </div>
  );
}
