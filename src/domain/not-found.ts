import { type Rejection, reject } from './error.ts'

/** What can be looked for by an id: its code, and how its ids begin. */
const KINDS = {
  transaction: { code: 'transaction_not_found', prefix: 'txn' },
  refund: { code: 'refund_not_found', prefix: 're' },
  alarm: { code: 'alarm_not_found', prefix: 'alm' },
  attempt: { code: 'attempt_not_found', prefix: 'att' },
  delivery: { code: 'delivery_not_found', prefix: 'dlv' },
} as const

/** That there is no such object; for an id of another kind, how the right ones begin. */
export function notFound(kind: keyof typeof KINDS, id: string, param = 'id'): Rejection {
  const { code, prefix } = KINDS[kind]
  const hint = id.startsWith(`${prefix}_`)
    ? ''
    : ` The id of ${/^a/.test(kind) ? 'an' : 'a'} ${kind} begins with ${prefix}_.`
  return reject(code, `There is no such ${kind}.${hint}`, param)
}
