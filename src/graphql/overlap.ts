import { OVERLAP_POLICIES } from '../domain/overlap.ts';
import { builder, screaming } from './builder.ts';

export const OverlapPolicy = builder.enumType('OverlapPolicy', {
  description: 'What a new deployment does when others of its app are open.',
  values: screaming(OVERLAP_POLICIES, {
    queue: 'It waits behind them.',
    queue_latest: 'It takes the place of those that wait: they are cancelled, with `supersededBy`.',
    cancel_running: 'It takes the place of those that wait, and the one in progress is asked to stop.',
    reject: 'It is refused with `OVERLAP_REJECTED`.',
  }),
});
