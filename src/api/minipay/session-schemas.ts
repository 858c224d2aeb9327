/** The schemas of sessions of the dashboard. */
import {
  boolean,
  integer,
  named,
  nullable,
  object,
  optional,
  type Schema,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { keyId, limit, sessionId, time } from './fields.ts'

const yes = (description: string): Schema<boolean> => ({ ...boolean(), description, const: true })

export const DashboardSession = named(
  'DashboardSession',
  object({
    id: sessionId,
    key: { ...keyId, description: 'The API key that the person signed in with.' },
    address: string({ description: 'The IP address of the sign-in.', examples: ['203.0.113.7'] }),
    browser: nullable(
      string({
        description: 'The browser of the sign-in, in coarse words. Null: MiniPay does not know it.',
        examples: ['Firefox on Linux'],
      }),
    ),
    created_at: { ...time, description: 'When the person signed in.' },
    last_used_at: { ...time, description: 'When the person last did something, to about a minute.' },
    current: { ...boolean(), description: 'True for the session that makes the request.' },
  }),
  'A browser in which a person is signed in to the dashboard.',
)
export type DashboardSessionView = Static<typeof DashboardSession>

const key = optional({
  ...keyId,
  maxLength: 64,
  description: 'Sessions of another key than that of the request, which needs a permission for keys.',
})

export const SessionsQuery = strict({ key, limit })

export const EndSessionsBody = named('EndDashboardSessionsRequest', strict({ key }), 'Whose sessions to end.')

export const EndedSession = named(
  'DeletedDashboardSession',
  object({ id: sessionId, deleted: yes('Always true.') }),
  'A session that has ended.',
)

export const EndedSessions = named(
  'EndedDashboardSessions',
  object({ ended: integer({ minimum: 0, description: 'How many sessions have ended.', examples: [2] }) }),
  'Sessions that have ended.',
)
