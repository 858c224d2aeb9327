import { reject } from '../../domain/error.ts'
import { notFound } from '../../domain/not-found.ts'
import type { Scope } from '../../domain/scope.ts'
import { NoQuery, sendObject } from '../../http/endpoint.ts'
import { Refused } from '../../http/errors.ts'
import { checkCursor, DEFAULT_LIMIT, time } from '../../http/paging.ts'
import type { Static } from '../../http/schema.ts'
import type { DisputeQuery, DueDisputeQuery, Store } from '../../ports/store.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { refusalOf, sendRejection } from '../errors.ts'
import { DISPUTE } from '../openapi/example-objects.ts'
import { pageOf, shows } from '../openapi/examples.ts'
import { Dispute, DisputesQuery } from './dispute-schemas.ts'
import { disputeId, idOf } from './fields.ts'
import { listResponse, sendList } from './list-response.ts'
import { page } from './lists.ts'
import { queryValidator } from './parameters.ts'
import { disputeView } from './views.ts'

const validDisputesQuery = queryValidator(DisputesQuery)

const LIST = {
  schema: Dispute,
  view: disputeView,
  cursor: ({ id }: { readonly id: string }) => id,
  following: (startingAfter: string) => ({ startingAfter }),
}

const listDisputesEndpoint: Endpoint = {
  id: 'listDisputes',
  method: 'GET',
  url: '/api/v1/disputes',
  permission: 'reports:read',
  summary: 'List disputes, newest first',
  description: 'With `due_before`, those whose evidence is due, the soonest first.',
  tag: 'Providers',
  query: DisputesQuery,
  responses: listResponse('A page of disputes.', page(Dispute)),
  errors: ['cursor_invalid'],
  examples: pageOf('disputes', DISPUTE),
  async handle(services, request, reply) {
    const { store } = services.context
    const scope = scopeOf(request)
    const params = validDisputesQuery(request.query)
    const { limit = DEFAULT_LIMIT, starting_after: startingAfter, transaction_id: chargeId, status } = params
    const exists = async (id: string) => (await store.dispute(scope, id)) !== undefined
    await checkCursor('starting_after', startingAfter, 'dp', exists)
    const dueBefore = time('due_before', params.due_before)
    if (dueBefore !== undefined) {
      const query = await dueQuery(store, scope, { ...params, limit, dueBefore })
      const read = (next: DueDisputeQuery) => store.dueDisputes(scope, next)
      return sendList(services, request, reply, { ...LIST, query, read })
    }
    const query: DisputeQuery = {
      limit,
      ...(startingAfter !== undefined && { startingAfter }),
      ...(chargeId !== undefined && { chargeId }),
      ...(status !== undefined && { status }),
    }
    const read = (next: DisputeQuery) => store.disputes(scope, next)
    return sendList(services, request, reply, { ...LIST, query, read })
  },
}

/** Throws `Refused` for a filter that the list by deadline lacks, and for a cursor without a deadline. */
async function dueQuery(
  store: Pick<Store, 'dispute'>,
  scope: Scope,
  query: Static<typeof DisputesQuery> & { readonly limit: number; readonly dueBefore: number },
): Promise<DueDisputeQuery> {
  const { limit, dueBefore, starting_after: cursor, transaction_id: chargeId, status = 'open' } = query
  if (status !== 'open' || chargeId !== undefined)
    throw new Refused(
      refusalOf(
        reject(
          'parameter_invalid',
          'due_before lists all open disputes with a deadline: omit transaction_id, and status unless it is open.',
          status === 'open' ? 'transaction_id' : 'status',
        ),
      ),
    )
  // Its provider may have stopped taking evidence since the page before.
  if (cursor !== undefined && (await store.dispute(scope, cursor))?.evidenceDueAt == null)
    await checkCursor('starting_after', cursor, 'dp', async () => false)
  return { limit, dueBefore, ...(cursor !== undefined && { startingAfter: cursor }) }
}

const retrieveDisputeEndpoint: Endpoint = {
  id: 'retrieveDispute',
  method: 'GET',
  url: '/api/v1/disputes/:id',
  permission: 'reports:read',
  summary: 'Retrieve a dispute',
  tag: 'Providers',
  params: idOf(disputeId),
  query: NoQuery,
  responses: { 200: { description: 'The dispute.', schema: Dispute } },
  errors: ['dispute_not_found'],
  examples: shows('dispute', 'An open dispute', DISPUTE),
  async handle({ context }, request, reply) {
    const { id } = request.params as { id: string }
    const dispute = await context.store.dispute(scopeOf(request), id)
    if (!dispute) return sendRejection(reply, notFound('dispute', id))
    return sendObject(reply, disputeView(dispute))
  },
}

export const disputeEndpoints: readonly Endpoint[] = [listDisputesEndpoint, retrieveDisputeEndpoint]
