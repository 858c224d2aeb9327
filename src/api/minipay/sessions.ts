/** Sessions of the dashboard: listed and ended. */
import { endOtherSessions, endSession, listSessions } from '../../app/access/session-list.ts'
import type { DashboardSession as Session } from '../../domain/access/dashboard-session.ts'
import { isRejection } from '../../domain/error.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import type { Endpoint } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { SESSION } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { idOf, sessionId } from './fields.ts'
import { page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import {
  DashboardSession,
  type DashboardSessionView,
  EndedSession,
  EndedSessions,
  EndSessionsBody,
  SessionsQuery,
} from './session-schemas.ts'
import { timestamp } from './views.ts'

const validQuery = queryValidator(SessionsQuery)
const validEnd = bodyValidator(EndSessionsBody)

const listSessionsEndpoint: Endpoint = {
  id: 'listDashboardSessions',
  method: 'GET',
  url: '/api/v1/sessions',
  permission: 'any',
  summary: 'List sessions of the dashboard, newest first',
  description:
    'The browsers in which people are signed in with a key, those that have ended left out. Every key may list its own sessions; those of another key of your account and mode need `keys:read`.',
  tag: 'API keys',
  query: SessionsQuery,
  responses: { 200: { description: 'The newest sessions.', schema: page(DashboardSession) } },
  errors: ['api_key_not_found', 'permission_denied'],
  examples: pageOf('sessions', SESSION),
  async handle({ context }, request, reply) {
    const { caller } = request
    const { key, limit = DEFAULT_LIMIT } = validQuery(request.query)
    const found = await listSessions(context, caller, key, limit)
    if (isRejection(found)) return sendRejection(reply, found)
    return sendPage(reply, found, (session) => sessionView(session, caller.sessionId))
  },
}

const endSessionEndpoint: Endpoint = {
  id: 'deleteDashboardSession',
  method: 'DELETE',
  url: '/api/v1/sessions/:id',
  permission: 'any',
  summary: 'End a session of the dashboard',
  description:
    'Within a second every node refuses the session, and its browser shows the form to sign in. Every key may end its own sessions; those of another key need `keys:write`, and a key that may do no more.',
  tag: 'API keys',
  params: idOf(sessionId),
  query: NoQuery,
  responses: { 200: { description: 'The id of the session.', schema: EndedSession } },
  errors: ['session_not_found', 'permission_denied'],
  examples: shows('ended', 'A session that has ended', { id: SESSION.id, deleted: true }),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const ended = await endSession(context, request.caller, id)
    if (isRejection(ended)) return sendRejection(reply, ended)
    return sendObject(reply, { id, deleted: true })
  },
}

const endOthersEndpoint: Endpoint = {
  id: 'endOtherDashboardSessions',
  method: 'POST',
  url: '/api/v1/sessions/end_others',
  permission: 'any',
  summary: 'End all other sessions of the dashboard',
  description:
    'Ends every session of a key, except the one that makes the request. Every key may do so with its own sessions; those of another key need `keys:write`, and a key that may do no more. To end them for ever, revoke the key. A second request ends what began meanwhile, so it needs no Idempotency-Key.',
  tag: 'API keys',
  query: NoQuery,
  body: EndSessionsBody,
  responses: { 200: { description: 'The number of sessions that have ended.', schema: EndedSessions } },
  errors: ['api_key_not_found', 'permission_denied'],
  examples: shows('ended', 'Two sessions that have ended', { ended: 2 }),
  async handle({ context }, request, reply) {
    const { key } = validEnd(request.body ?? {})
    const ended = await endOtherSessions(context, request.caller, key)
    if (isRejection(ended)) return sendRejection(reply, ended)
    return sendObject(reply, ended)
  },
}

function sessionView(session: Session, current: string | undefined): DashboardSessionView {
  return {
    id: session.id,
    key: session.keyId,
    address: session.address,
    browser: session.browser,
    created_at: timestamp(session.createdAt),
    last_used_at: timestamp(session.usedAt),
    current: session.id === current,
  }
}

export const sessionEndpoints: readonly Endpoint[] = [
  listSessionsEndpoint,
  endSessionEndpoint,
  endOthersEndpoint,
]
