import { checkCursor, DEFAULT_LIMIT } from '../../http/paging.ts'
import type { DisputeQuery } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { DISPUTE } from '../openapi/example-objects.ts'
import { pageOf } from '../openapi/examples.ts'
import { Dispute, DisputesQuery } from './dispute-schemas.ts'
import { listResponse, sendList } from './list-response.ts'
import { page } from './lists.ts'
import { queryValidator } from './parameters.ts'
import { disputeView } from './views.ts'

const validDisputesQuery = queryValidator(DisputesQuery)

const listDisputesEndpoint: Endpoint = {
  id: 'listDisputes',
  method: 'GET',
  url: '/api/v1/disputes',
  permission: 'reports:read',
  summary: 'List disputes, newest first',
  tag: 'Providers',
  query: DisputesQuery,
  responses: listResponse('A page of disputes.', page(Dispute)),
  errors: ['cursor_invalid'],
  examples: pageOf('disputes', DISPUTE),
  async handle(services, request, reply) {
    const { store } = services.context
    const scope = scopeOf(request)
    const {
      limit = DEFAULT_LIMIT,
      starting_after: startingAfter,
      transaction_id: chargeId,
    } = validDisputesQuery(request.query)
    const exists = async (id: string) => (await store.dispute(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'dp', exists)
    const query: DisputeQuery = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(chargeId !== undefined && { chargeId }),
    }
    return sendList(services, request, reply, {
      ...{ query, schema: Dispute, view: disputeView },
      read: (next) => store.disputes(scope, next),
      cursor: ({ id }) => id,
      following: (startingAfter) => ({ startingAfter }),
    })
  },
}

export const disputeEndpoints: readonly Endpoint[] = [listDisputesEndpoint]
