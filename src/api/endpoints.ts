import type { Route } from '../http/endpoint.ts'
import { notificationRoute } from './inbound.ts'
import { closeAlarmRoute, listAlarmsRoute, retrieveAlarmRoute } from './minipay/alarms.ts'
import { listAttemptsRoute, listDisputesRoute, resolveAttemptRoute } from './minipay/attempts.ts'
import {
  cancelChargeRoute,
  captureChargeRoute,
  createChargeRoute,
  listChargeAttemptsRoute,
  listChargesRoute,
  retrieveChargeRoute,
} from './minipay/charges.ts'
import {
  listDeliveriesRoute,
  listEventsRoute,
  retryDeliveriesRoute,
  retryDeliveryRoute,
} from './minipay/events.ts'
import { balanceRoute, listLedgerAccountsRoute, listLedgerEntriesRoute } from './minipay/ledger.ts'
import { listProvidersRoute } from './minipay/providers.ts'
import { createRefundRoute, listRefundsRoute, retrieveRefundRoute } from './minipay/refunds.ts'
import {
  replaceRuleSetRoute,
  resetRuleSetRoute,
  retrieveRuleSetRoute,
  simulateRoutingRoute,
} from './minipay/routing.ts'
import { healthRoute, metricsRoute, readyRoute } from './operations.ts'

/** Every route of the API. */
export const ROUTES: readonly Route[] = [
  createChargeRoute,
  listChargesRoute,
  retrieveChargeRoute,
  captureChargeRoute,
  cancelChargeRoute,
  listChargeAttemptsRoute,
  createRefundRoute,
  listRefundsRoute,
  retrieveRefundRoute,
  balanceRoute,
  listLedgerAccountsRoute,
  listLedgerEntriesRoute,
  listEventsRoute,
  listDeliveriesRoute,
  retryDeliveryRoute,
  retryDeliveriesRoute,
  retrieveRuleSetRoute,
  replaceRuleSetRoute,
  resetRuleSetRoute,
  simulateRoutingRoute,
  listProvidersRoute,
  listAttemptsRoute,
  resolveAttemptRoute,
  listDisputesRoute,
  listAlarmsRoute,
  retrieveAlarmRoute,
  closeAlarmRoute,
  notificationRoute,
  metricsRoute,
  healthRoute,
  readyRoute,
]
