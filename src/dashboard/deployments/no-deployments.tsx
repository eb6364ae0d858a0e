import { Command } from '../elements/command.tsx';
import { Empty } from '../elements/states.tsx';

/** Where nothing was deployed yet, and how to. */
export function NoDeployments() {
  return (
    <Empty title="No deployments yet">
      <p>In the folder of your project:</p>
      <Command text="windlass deploy" />
    </Empty>
  );
}
