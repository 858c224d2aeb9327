import { NoQuery, type ServedApi, type ServedEndpoint } from '../http/endpoint.ts'
import { documentation } from './docs/documents.ts'
import type { Endpoint, Services } from './endpoint.ts'
import { inboundEndpoints } from './inbound.ts'
import { alarmEndpoints } from './minipay/alarms.ts'
import { attemptEndpoints } from './minipay/attempts.ts'
import { balanceEndpoints } from './minipay/balance.ts'
import { chargeEndpoints } from './minipay/charges.ts'
import { disputeEndpoints } from './minipay/disputes.ts'
import { eventEndpoints } from './minipay/events.ts'
import { ledgerEndpoints } from './minipay/ledger.ts'
import { OTHER_RESOURCE_NAMES, PARAMETER_WORDS } from './minipay/parameters.ts'
import { providerEndpoints } from './minipay/providers.ts'
import { refundEndpoints } from './minipay/refunds.ts'
import { routingEndpoints } from './minipay/routing.ts'
import { webhookDeliveryEndpoints } from './minipay/webhook-deliveries.ts'
import { operationsEndpoints } from './operations.ts'

/** The endpoint table: every endpoint of the API, in the order of the documentation. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...chargeEndpoints,
  ...refundEndpoints,
  ...balanceEndpoints,
  ...ledgerEndpoints,
  ...eventEndpoints,
  ...webhookDeliveryEndpoints,
  ...routingEndpoints,
  ...providerEndpoints,
  ...attemptEndpoints,
  ...disputeEndpoints,
  ...alarmEndpoints,
  ...inboundEndpoints,
  ...operationsEndpoints,
]

/** The API over these services, with its documentation, for the server. */
export function servedApi(services: Services, version: string): ServedApi {
  const api = ENDPOINTS.map((endpoint): ServedEndpoint => {
    const { query, handle } = endpoint
    // Lists take time.
    const slow = query !== undefined && query !== NoQuery
    return { ...endpoint, slow, handle: (request, reply) => handle(services, request, reply) }
  })
  return {
    endpoints: [...api, ...documentation(version)],
    parameterWords: PARAMETER_WORDS,
    otherResourceNames: OTHER_RESOURCE_NAMES,
  }
}
