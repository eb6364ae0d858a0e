import { Check, Copy, X, type LucideIcon } from 'lucide-react';
import { useEffect, useState, type MouseEvent } from 'react';
import { Button } from './button.tsx';
import { copyText } from './clipboard.ts';

const SHOWN_MS = 1_600;

interface CopyButtonProps {
  /** What is copied, or what finds it once it is wanted. */
  text: string | (() => string | Promise<string>);
  label: string;
  icon?: LucideIcon;
  children?: string;
}

type Outcome = 'copied' | 'failed';
const OUTCOMES: Record<Outcome, { readonly word: string; readonly icon: LucideIcon }> = {
  copied: { word: 'Copied', icon: Check },
  failed: { word: 'Could not be copied', icon: X },
};

/** Copies a text, and says for a moment whether it has. */
export function CopyButton({ text, label, icon = Copy, children }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  useEffect(() => {
    if (!outcome) return undefined;
    const timer = setTimeout(() => setOutcome(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  async function copy({ currentTarget: button }: MouseEvent<HTMLButtonElement>) {
    try {
      await copyText(typeof text === 'string' ? text : await text(), button);
      setOutcome('copied');
    } catch {
      // The browser forbids it, or the text cannot be read: all one can do is to try again.
      setOutcome('failed');
    }
  }
  const Icon = outcome ? OUTCOMES[outcome].icon : icon;
  return (
    <Button look="quiet" aria-label={children ? undefined : label} title={label} onClick={(event) => void copy(event)}>
      <Icon aria-hidden="true" />
      {children}
      <span className="visually-hidden" role="status">
        {outcome && OUTCOMES[outcome].word}
      </span>
    </Button>
  );
}
