import type { Endpoint } from './endpoint.ts'
import { inboundEndpoints } from './inbound.ts'
import { accountEndpoints } from './minipay/accounts.ts'
import { alarmEndpoints } from './minipay/alarms.ts'
import { attemptEndpoints } from './minipay/attempts.ts'
import { attentionEndpoints } from './minipay/attention.ts'
import { auditEndpoints } from './minipay/audit.ts'
import { balanceEndpoints } from './minipay/balance.ts'
import { chargeEndpoints } from './minipay/charges.ts'
import { deliveryEndpoints } from './minipay/deliveries.ts'
import { disputeEndpoints } from './minipay/disputes.ts'
import { eventEndpoints } from './minipay/events.ts'
import { keyEndpoints } from './minipay/keys.ts'
import { ledgerEndpoints } from './minipay/ledger.ts'
import { meEndpoints } from './minipay/me.ts'
import { providerEndpoints } from './minipay/providers.ts'
import { refundEndpoints } from './minipay/refunds.ts'
import { routingEndpoints } from './minipay/routing.ts'
import { searchEndpoints } from './minipay/search.ts'
import { sessionEndpoints } from './minipay/sessions.ts'
import { statisticsEndpoints } from './minipay/statistics.ts'
import { webhookEndpointEndpoints } from './minipay/webhook-endpoints.ts'
import { webhookReplayEndpoints } from './minipay/webhook-replays.ts'
import { operationsEndpoints } from './operations.ts'
import { systemEndpoints } from './system.ts'

/** The endpoint table: every endpoint of the API, in the order of the documentation. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...chargeEndpoints,
  ...refundEndpoints,
  ...searchEndpoints,
  ...balanceEndpoints,
  ...ledgerEndpoints,
  ...statisticsEndpoints,
  ...eventEndpoints,
  ...webhookEndpointEndpoints,
  ...webhookReplayEndpoints,
  ...deliveryEndpoints,
  ...routingEndpoints,
  ...providerEndpoints,
  ...attemptEndpoints,
  ...disputeEndpoints,
  ...alarmEndpoints,
  ...attentionEndpoints,
  ...meEndpoints,
  ...keyEndpoints,
  ...sessionEndpoints,
  ...accountEndpoints,
  ...auditEndpoints,
  ...inboundEndpoints,
  ...systemEndpoints,
  ...operationsEndpoints,
]
