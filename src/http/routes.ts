import { createChargeRoute, listChargesRoute, retrieveChargeRoute } from './charges.ts'
import { listDeliveriesRoute, listEventsRoute, retryDeliveryRoute } from './events.ts'
import { balanceRoute, listLedgerAccountsRoute, listLedgerEntriesRoute } from './ledger.ts'
import { healthRoute, metricsRoute, readyRoute } from './operations.ts'
import { createRefundRoute, listRefundsRoute, retrieveRefundRoute } from './refunds.ts'
import type { Route } from './route.ts'

/** Every route of the API. */
export const ROUTES: readonly Route[] = [
  createChargeRoute,
  listChargesRoute,
  retrieveChargeRoute,
  createRefundRoute,
  listRefundsRoute,
  retrieveRefundRoute,
  balanceRoute,
  listLedgerAccountsRoute,
  listLedgerEntriesRoute,
  listEventsRoute,
  listDeliveriesRoute,
  retryDeliveryRoute,
  metricsRoute,
  healthRoute,
  readyRoute,
]
