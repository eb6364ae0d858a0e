import { requireViewer } from '../operations/authorize.ts';
import { createStreamTicket } from '../operations/stream-tickets.ts';
import type { NewStreamTicket } from '../store/directory.ts';
import { builder } from './builder.ts';

const CreateStreamTicketPayload = builder.objectRef<NewStreamTicket>('CreateStreamTicketPayload').implement({
  description: 'A ticket for one stream.',
  fields: (t) => ({
    ticket: t.exposeString('ticket', {
      description: 'Put it into the URL of one stream, as `?ticket=`. It is shown this once and works once.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'Until when it can be used: for a minute, and no longer than your token.',
    }),
  }),
});

builder.mutationField('createStreamTicket', (t) =>
  t.field({
    type: CreateStreamTicketPayload,
    description:
      'Makes a ticket that opens one stream in your name, for a browser\'s `EventSource`, which sends no "Authorization" header.',
    resolve: (_root, _args, context) => createStreamTicket(context, requireViewer(context.viewer)),
  }),
);
