import { closeAlarm } from '../../app/alarms/close-alarm.ts'
import { notFound } from '../../domain/not-found.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { checkCursor, DEFAULT_LIMIT } from '../../http/paging.ts'
import type { AlarmQuery } from '../../ports/store.ts'
import { auditing, scopeOf } from '../caller.ts'
import { type Endpoint, keyed } from '../endpoint.ts'
import { sendRejection } from '../errors.ts'
import { ALARM, TIME } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { Alarm, AlarmsQuery, CloseAlarmBody } from './alarm-schemas.ts'
import { sendResult } from './endings.ts'
import { alarmId, idOf } from './fields.ts'
import { listResponse, sendList } from './list-response.ts'
import { page } from './lists.ts'
import { bodyValidator, queryValidator } from './parameters.ts'
import { alarmView } from './views.ts'

const validQuery = queryValidator(AlarmsQuery)
const validBody = bodyValidator(CloseAlarmBody)

const listAlarmsEndpoint: Endpoint = {
  id: 'listAlarms',
  method: 'GET',
  url: '/api/v1/alarms',
  permission: 'operations:read',
  summary: 'List alarms, newest first',
  description:
    'Alarms are statements of providers that contradict the books. A person must handle those with `status=open`.',
  tag: 'Providers',
  query: AlarmsQuery,
  responses: listResponse('A page of alarms.', page(Alarm)),
  errors: ['cursor_invalid'],
  examples: pageOf('alarms', ALARM),
  async handle(services, request, reply) {
    const scope = scopeOf(request)
    const query = validQuery(request.query)
    const { limit = DEFAULT_LIMIT, starting_after: startingAfter, status, transaction_id, provider } = query
    const { store } = services.context
    const exists = async (id: string) => (await store.alarm(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'alm', exists)
    const storeQuery: AlarmQuery = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(status !== undefined && { state: status }),
      ...(transaction_id !== undefined && { chargeId: transaction_id }),
      ...(provider !== undefined && { provider }),
    }
    return sendList(services, request, reply, {
      ...{ query: storeQuery, schema: Alarm, view: alarmView },
      read: (next) => store.alarms(scope, next),
      cursor: ({ id }) => id,
      following: (after: string) => ({ startingAfter: after }),
    })
  },
}

const retrieveAlarmEndpoint: Endpoint = {
  id: 'retrieveAlarm',
  method: 'GET',
  url: '/api/v1/alarms/:id',
  permission: 'operations:read',
  summary: 'Retrieve an alarm',
  tag: 'Providers',
  params: idOf(alarmId),
  query: NoQuery,
  responses: { 200: { description: 'The alarm.', schema: Alarm } },
  errors: ['alarm_not_found'],
  examples: shows('alarm', 'An open alarm', ALARM),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const alarm = await context.store.alarm(scopeOf(request), id)
    if (!alarm) return sendRejection(reply, notFound('alarm', id))
    return sendObject(reply, alarmView(alarm))
  },
}

const closeAlarmEndpoint: Endpoint = {
  id: 'closeAlarm',
  method: 'POST',
  url: '/api/v1/alarms/:id/close',
  permission: 'operations:write',
  summary: 'Close an alarm with a reason',
  description:
    "Check the provider's dashboard first. After the close, MiniPay again allows captures, cancels and refunds of the charge. With an `amount`, MiniPay also books that amount.",
  tag: 'Providers',
  params: idOf(alarmId),
  query: NoQuery,
  body: CloseAlarmBody,
  keyed: 'alarm-1234',
  responses: { 200: { description: 'The closed alarm.', schema: Alarm } },
  errors: [
    'alarm_not_found',
    'alarm_not_open',
    'amount_invalid',
    'charge_not_capturable',
    'capture_exceeds_authorized',
    'charge_not_refundable',
    'already_refunded',
    'refund_exceeds_remaining',
    'charge_disputed',
    'balance_limit_reached',
  ],
  examples: [
    {
      name: 'closed',
      summary: 'A closed alarm',
      body: { reason: 'The bank took the right amount.' },
      status: 200,
      response: {
        ...ALARM,
        status: 'closed',
        closed_at: TIME,
        reason: 'The bank took the right amount.',
      },
    },
  ],
  async handle(services, request, reply) {
    const { id } = request.params as { id: string }
    const body = validBody(request.body)
    const keyedRequest = keyed(services, request, `POST /api/v1/alarms/${id}/close`, body)
    const { context } = services
    const closing = { reason: body.reason, amount: body.amount }
    return sendResult(reply, await closeAlarm(context, keyedRequest, id, closing, auditing(context, request)))
  },
}

export const alarmEndpoints: readonly Endpoint[] = [
  listAlarmsEndpoint,
  retrieveAlarmEndpoint,
  closeAlarmEndpoint,
]
