import { NoQuery, type ServedEndpoint } from '../http/endpoint.ts'
import { documentation } from './docs/documents.ts'
import type { Endpoint, Services } from './endpoint.ts'
import { notificationEndpoint } from './inbound.ts'
import { closeAlarmEndpoint, listAlarmsEndpoint, retrieveAlarmEndpoint } from './minipay/alarms.ts'
import { listAttemptsEndpoint, listDisputesEndpoint, resolveAttemptEndpoint } from './minipay/attempts.ts'
import {
  cancelChargeEndpoint,
  captureChargeEndpoint,
  createChargeEndpoint,
  listChargeAttemptsEndpoint,
  listChargesEndpoint,
  retrieveChargeEndpoint,
} from './minipay/charges.ts'
import {
  listDeliveriesEndpoint,
  listEventsEndpoint,
  retryDeliveriesEndpoint,
  retryDeliveryEndpoint,
} from './minipay/events.ts'
import { balanceEndpoint, listLedgerAccountsEndpoint, listLedgerEntriesEndpoint } from './minipay/ledger.ts'
import { listProvidersEndpoint } from './minipay/providers.ts'
import { createRefundEndpoint, listRefundsEndpoint, retrieveRefundEndpoint } from './minipay/refunds.ts'
import {
  replaceRuleSetEndpoint,
  resetRuleSetEndpoint,
  retrieveRuleSetEndpoint,
  simulateRoutingEndpoint,
} from './minipay/routing.ts'
import { healthEndpoint, metricsEndpoint, readyEndpoint } from './operations.ts'

/** The endpoint table: every endpoint of the API, in the order of the documentation. */
export const ENDPOINTS: readonly Endpoint[] = [
  createChargeEndpoint,
  listChargesEndpoint,
  retrieveChargeEndpoint,
  captureChargeEndpoint,
  cancelChargeEndpoint,
  listChargeAttemptsEndpoint,
  createRefundEndpoint,
  listRefundsEndpoint,
  retrieveRefundEndpoint,
  balanceEndpoint,
  listLedgerAccountsEndpoint,
  listLedgerEntriesEndpoint,
  listEventsEndpoint,
  listDeliveriesEndpoint,
  retryDeliveryEndpoint,
  retryDeliveriesEndpoint,
  retrieveRuleSetEndpoint,
  replaceRuleSetEndpoint,
  resetRuleSetEndpoint,
  simulateRoutingEndpoint,
  listProvidersEndpoint,
  listAttemptsEndpoint,
  resolveAttemptEndpoint,
  listDisputesEndpoint,
  listAlarmsEndpoint,
  retrieveAlarmEndpoint,
  closeAlarmEndpoint,
  notificationEndpoint,
  metricsEndpoint,
  healthEndpoint,
  readyEndpoint,
]

/** What the server serves: the API over these services, and its documentation. */
export function servedEndpoints(services: Services, version: string): ServedEndpoint[] {
  const api = ENDPOINTS.map((endpoint): ServedEndpoint => {
    const { query, handle } = endpoint
    // Lists take time.
    const slow = query !== undefined && query !== NoQuery
    return { ...endpoint, slow, handle: (request, reply) => handle(services, request, reply) }
  })
  return [...api, ...documentation(version)]
}
