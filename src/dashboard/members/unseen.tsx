import { Empty } from '../elements/states.tsx';

/** In place of what an organization does not show to a token that is for some of its apps. */
export function Unseen({ what }: { what: string }) {
  return <Empty title={`You do not see the ${what}`}>Your token is for some apps only.</Empty>;
}
