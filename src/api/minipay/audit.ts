import type { AuditEntry as Entry } from '../../domain/audit.ts'
import { sendPage } from '../../http/paging.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { AUDIT_ENTRY } from '../openapi/example-objects.ts'
import { pageOf } from '../openapi/examples.ts'
import { AuditEntry, type AuditEntryView, AuditQuery } from './audit-schemas.ts'
import { page, pageQuery } from './lists.ts'
import { queryValidator } from './parameters.ts'
import { timestamp } from './views.ts'

const validQuery = queryValidator(AuditQuery)

const parsed = (json: string | null) => (json === null ? null : (JSON.parse(json) as object))

function auditEntryView({ id, at, actor, action, object, before, after, ...from }: Entry): AuditEntryView {
  return {
    ...{ id, action, actor, object, before: parsed(before), after: parsed(after) },
    address: from.address,
    request_id: from.requestId,
    created_at: timestamp(at),
  }
}

const listAuditEntriesEndpoint: Endpoint = {
  id: 'listAuditEntries',
  method: 'GET',
  url: '/api/v1/audit',
  permission: 'audit:read',
  summary: 'List the audit log, newest first',
  description:
    'Every administrative action: who did it, to which object, when and from where. See docs/audit.md.',
  tag: 'Operations',
  query: AuditQuery,
  responses: { 200: { description: 'A page of the audit log.', schema: page(AuditEntry) } },
  errors: ['cursor_invalid'],
  examples: pageOf('the audit log', AUDIT_ENTRY),
  async handle({ context }, request, reply) {
    const scope = scopeOf(request)
    const { action, actor, object, ...rest } = validQuery(request.query)
    const exists = async (id: string) => (await context.store.auditEntry(scope, id)) !== undefined
    const query = {
      ...(await pageQuery('aud', rest, exists)),
      ...(action !== undefined && { action }),
      ...(actor !== undefined && { actor }),
      ...(object !== undefined && { object }),
    }
    const backwards = query.endingBefore !== undefined
    return sendPage(reply, await context.store.auditEntries(scope, query), auditEntryView, { backwards })
  },
}

export const auditEndpoints: readonly Endpoint[] = [listAuditEntriesEndpoint]
