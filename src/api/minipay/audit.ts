import type { AuditEntry as Entry } from '../../domain/audit.ts'
import { scopeOf } from '../caller.ts'
import type { Endpoint } from '../endpoint.ts'
import { AUDIT_ENTRY } from '../openapi/example-objects.ts'
import { pageOf } from '../openapi/examples.ts'
import { AuditEntry, type AuditEntryView, AuditQuery } from './audit-schemas.ts'
import { listResponse, sendList } from './list-response.ts'
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
  responses: listResponse('A page of the audit log.', page(AuditEntry)),
  errors: ['cursor_invalid'],
  examples: pageOf('the audit log', AUDIT_ENTRY),
  async handle(services, request, reply) {
    const { store } = services.context
    const scope = scopeOf(request)
    const { action, actor, object, ...rest } = validQuery(request.query)
    const exists = async (id: string) => (await store.auditEntry(scope, id)) !== undefined
    const query = {
      ...(await pageQuery('aud', rest, exists)),
      ...(action !== undefined && { action }),
      ...(actor !== undefined && { actor }),
      ...(object !== undefined && { object }),
    }
    return sendList(services, request, reply, {
      ...{ query, schema: AuditEntry, view: auditEntryView },
      read: (next) => store.auditEntries(scope, next),
      cursor: ({ id }) => id,
      following: (startingAfter) => ({ startingAfter }),
    })
  },
}

export const auditEndpoints: readonly Endpoint[] = [listAuditEntriesEndpoint]
