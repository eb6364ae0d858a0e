import { createContext, use, useState, type ReactNode } from 'react';
import { useUnsaved } from '../elements/unsaved.ts';
import type { EnvironmentDraft } from './environment-draft.ts';

type Drafts = Readonly<Record<string, EnvironmentDraft>>;

type Change = (draft: EnvironmentDraft) => EnvironmentDraft;

const DraftsContext = createContext<{ drafts: Drafts; change: (appId: string, change: Change) => void }>({
  drafts: {},
  change: () => {},
});

/** What is changed and not saved yet, of each app: it outlives a look at other views, and ends with the session. */
export function DraftsProvider({ children }: { children: ReactNode }) {
  const [drafts, setDrafts] = useState<Drafts>({});
  useUnsaved(Object.values(drafts).some((draft) => draft.length > 0));
  const change = (appId: string, apply: Change) =>
    setDrafts((kept) => ({ ...kept, [appId]: apply(kept[appId] ?? NOTHING) }));
  return <DraftsContext value={{ drafts, change }}>{children}</DraftsContext>;
}

const NOTHING: EnvironmentDraft = [];

export function useDraft(appId: string): [draft: EnvironmentDraft, change: (change: Change) => void] {
  const { drafts, change } = use(DraftsContext);
  return [drafts[appId] ?? NOTHING, (apply) => change(appId, apply)];
}
