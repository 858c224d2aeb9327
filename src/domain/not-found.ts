import { type Rejection, reject } from './error.ts'

/** The kinds of objects that a client can request by id: the error code, and the prefix of the ids. */
const KINDS = {
  transaction: { code: 'transaction_not_found', prefix: 'txn' },
  refund: { code: 'refund_not_found', prefix: 're' },
  alarm: { code: 'alarm_not_found', prefix: 'alm' },
  dispute: { code: 'dispute_not_found', prefix: 'dp' },
  attempt: { code: 'attempt_not_found', prefix: 'att' },
  event: { code: 'event_not_found', prefix: 'evt' },
  delivery: { code: 'delivery_not_found', prefix: 'dlv' },
  'webhook endpoint': { code: 'webhook_endpoint_not_found', prefix: 'we' },
  replay: { code: 'webhook_replay_not_found', prefix: 'rpl' },
  'API key': { code: 'api_key_not_found', prefix: 'key' },
  account: { code: 'account_not_found', prefix: 'acct' },
  session: { code: 'session_not_found', prefix: 'ses' },
} as const

/** The rejection for an id without an object; for an id of another kind it shows how the right ones begin. */
export function notFound(kind: keyof typeof KINDS, id: string, param = 'id'): Rejection {
  const { code, prefix } = KINDS[kind]
  const hint = id.startsWith(`${prefix}_`)
    ? ''
    : ` The id of ${/^a/i.test(kind) ? 'an' : 'a'} ${kind} begins with ${prefix}_.`
  return reject(code, `There is no such ${kind}.${hint}`, param)
}
