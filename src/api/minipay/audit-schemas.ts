/** The schemas of the audit log. */
import { AUDIT_ACTIONS, type AuditAction } from '../../domain/audit.ts'
import { named, nullable, object, oneOf, optional, type Static, strict, string } from '../../http/schema.ts'
import { auditId, createdFilters, limit, listFormat, startingAfter, time } from './fields.ts'
import { listParameters } from './lists.ts'

const action = named(
  'AuditAction',
  oneOf(Object.keys(AUDIT_ACTIONS) as AuditAction[], {
    description: Object.entries(AUDIT_ACTIONS)
      .map(([name, meaning]) => `\`${name}\`: ${meaning}`)
      .join(' '),
  }),
)
const actor = string({
  description:
    'Who acted: the id of an API key, `keyless` (a request without a key), `cli` (the command line on the database), `library` (the program around the library) or `server`.',
  examples: ['keyless'],
})
const changed = string({
  description: 'The id of the object that was changed.',
  examples: ['alm_01kasw5v8g005ne3r5yx2tb4qd'],
})
const facts = (when: string) =>
  nullable(
    object(
      {},
      { additionalProperties: true, description: `The object ${when} the action, without secrets.` },
    ),
  )

export const AuditEntry = named(
  'AuditEntry',
  object({
    id: auditId,
    action,
    actor,
    object: nullable(changed),
    before: facts('before'),
    after: facts('after'),
    address: nullable(
      string({ description: 'The address that the request came from.', examples: ['127.0.0.1'] }),
    ),
    request_id: nullable(string({ description: 'The id of the request.' })),
    created_at: { ...time, description: 'When it was done.' },
  }),
  'An administrative action, stored together with its change. MiniPay never changes or deletes it.',
)
export type AuditEntryView = Static<typeof AuditEntry>

export const AuditQuery = strict({
  limit,
  starting_after: startingAfter,
  ending_before: listParameters.ending_before,
  action: optional(action),
  actor: optional(actor),
  object: optional(changed),
  ...createdFilters,
  ...listFormat,
})
