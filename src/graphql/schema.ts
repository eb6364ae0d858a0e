import { builder } from './builder.ts';
import './deployment-actions.ts';
import './deployment-changes.ts';
import './deployment-event.ts';
import './deployment-plan.ts';
import './deployment-reruns.ts';
import './deployment.ts';
import './deployments.ts';
import './directory.ts';
import './entity.ts';
import './log.ts';
import './production-app.ts';
import './runtime-log.ts';
import './stream-ticket.ts';
import './version.ts';

export const schema = builder.toSchema();
