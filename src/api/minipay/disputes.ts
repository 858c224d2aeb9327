import { checkCursor, DEFAULT_LIMIT, sendPage } from '../../http/paging.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { DISPUTE } from '../openapi/example-objects.ts'
import { pageOf } from '../openapi/examples.ts'
import { Dispute, DisputesQuery } from './dispute-schemas.ts'
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
  responses: { 200: { description: 'A page of disputes.', schema: page(Dispute) } },
  errors: ['cursor_invalid'],
  examples: pageOf('disputes', DISPUTE),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const {
      limit = DEFAULT_LIMIT,
      starting_after: startingAfter,
      transaction_id: chargeId,
    } = validDisputesQuery(request.query)
    const exists = async (id: string) => (await context.store.dispute(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'dp', exists)
    const query = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(chargeId !== undefined && { chargeId }),
    }
    return sendPage(reply, await context.store.disputes(scope, query), disputeView)
  },
}

export const disputeEndpoints: readonly Endpoint[] = [listDisputesEndpoint]
