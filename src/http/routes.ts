import { closeAlarmRoute, listAlarmsRoute, retrieveAlarmRoute } from './alarms.ts'
import { listAttemptsRoute, listDisputesRoute, resolveAttemptRoute } from './attempts.ts'
import {
  cancelChargeRoute,
  captureChargeRoute,
  createChargeRoute,
  listChargeAttemptsRoute,
  listChargesRoute,
  retrieveChargeRoute,
} from './charges.ts'
import { listDeliveriesRoute, listEventsRoute, retryDeliveriesRoute, retryDeliveryRoute } from './events.ts'
import { balanceRoute, listLedgerAccountsRoute, listLedgerEntriesRoute } from './ledger.ts'
import { notificationRoute } from './notifications.ts'
import { healthRoute, metricsRoute, readyRoute } from './operations.ts'
import { listProvidersRoute } from './providers.ts'
import { createRefundRoute, listRefundsRoute, retrieveRefundRoute } from './refunds.ts'
import type { Route } from './route.ts'
import {
  replaceRuleSetRoute,
  resetRuleSetRoute,
  retrieveRuleSetRoute,
  simulateRoutingRoute,
} from './routing.ts'

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
