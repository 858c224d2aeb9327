/** What happened to a payment, in words: each attempt, why it went there, and what followed from it. Pure. */
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import { duration, moneyWithCode, plural } from '../format.ts'
import { sentence } from '../texts.ts'

export type Chapter = {
  readonly attempt: AttemptView
  /** What MiniPay requested, unless it is the authorization that the page is about. */
  readonly operation: string | undefined
  /** What the outcome means, and why the next provider was called or not. */
  readonly sentence: string
  /** The rule, and its version if rules are stored. */
  readonly rule: string | undefined
  /** Further soft sentences: who was passed over and why, what may follow, how the outcome became known. */
  readonly notes: readonly string[]
}

type Told = Pick<ChargeView, 'status' | 'redirect_url' | 'capture' | 'cancel_requested'>

/** The chapters of a payment, in the order of its attempts. */
export function storyOf(attempts: readonly AttemptView[], charge: Told): readonly Chapter[] {
  return attempts.map((attempt, i) => {
    const { route } = attempt
    const next = attempts.slice(i + 1).find(({ kind }) => kind === attempt.kind)
    return {
      attempt,
      operation: operationOf(attempt),
      sentence: [meaningOf(attempt, charge), ...followed(attempt, next)].join(' '),
      rule: route
        ? route.version === null
          ? route.rule
          : `${route.rule} (version ${route.version})`
        : undefined,
      notes: notesOf(attempt, next),
    }
  })
}

const OPERATIONS: Readonly<Record<string, string>> = {
  capture: 'Capture',
  cancel: 'Cancel',
  refund: 'Refund',
}

function operationOf({ kind, amount, currency }: AttemptView): string | undefined {
  const name = OPERATIONS[kind]
  if (name === undefined || kind === 'cancel') return name
  return `${name} of ${moneyWithCode(amount, currency)}`
}

const DONE: Readonly<Record<string, string>> = {
  capture: 'The provider captured the money.',
  cancel: 'The provider released the money.',
  refund: 'The provider paid it back.',
}

function meaningOf(attempt: AttemptView, { capture, status, redirect_url }: Told): string {
  const { kind, reason, decline_code } = attempt
  switch (attempt.status) {
    case 'succeeded':
      return DONE[kind] ?? (capture ? 'The provider took the money.' : 'The provider holds the money.')
    case 'declined':
      return `Declined: ${sentence(decline_code ?? 'no reason given')}.${detail(reason)}`
    case 'not_sent':
      return `The provider definitely did not do it${reason ? `: ${trimmed(reason)}` : ''}.`
    case 'unknown':
      return `The outcome is not known yet${reason ? `: ${trimmed(reason)}` : ''}. Money may have moved, so MiniPay calls no other provider.`
    case 'pending':
      return status === 'requires_action' && redirect_url !== null
        ? 'The customer has to confirm the payment at the provider.'
        : 'The provider accepted it, and reports the outcome later.'
    default:
      return 'MiniPay is calling the provider.'
  }
}

/** Errors of the network by their codes. */
const NETWORK: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/g, 'the connection was refused'],
  [/ECONNRESET/g, 'the connection was cut'],
  [/ENOTFOUND|EAI_AGAIN/g, 'its address was not found'],
  [/ETIMEDOUT/g, 'the connection timed out'],
]
const trimmed = (reason: string) =>
  NETWORK.reduce((text, [code, words]) => text.replace(code, words), reason).replace(/\.$/, '')
const detail = (reason: string | null) => (reason ? ` “${trimmed(reason)}.”` : '')

/** Why the next provider was called, or none was. */
function followed(attempt: AttemptView, next: AttemptView | undefined): readonly string[] {
  const { status, route, decline_code } = attempt
  if (!route || (status !== 'declined' && status !== 'not_sent')) return []
  if (next?.route?.again === attempt.id) return ['So MiniPay made the same call once more.']
  if (status === 'not_sent')
    return [next ? `It was safe to call ${next.provider} next.` : 'No further provider was left to call.']
  if (next) return [`The rule fails over after this code, so MiniPay called ${next.provider}.`]
  const failsOver = decline_code !== null && route.failover_on.includes(decline_code)
  return [
    failsOver ? 'No further provider was left to call.' : 'The rule does not fail over after this code.',
  ]
}

function notesOf(attempt: AttemptView, next: AttemptView | undefined): readonly string[] {
  const { route, status } = attempt
  const isOpen = status === 'unknown' || status === 'pending' || status === 'sending'
  const passed = (route?.skipped ?? []).map(({ provider, reason }) => `${provider} (${reason})`)
  return [
    ...(passed.length > 0 ? [`Passed over: ${passed.join(', ')}.`] : []),
    ...(route?.again ? [`Repeats the call of ${route.again}, which never reached the provider.`] : []),
    ...(route && isOpen && route.next.length > 0 && !next
      ? [`If it was definitely not done, ${route.next.join(', then ')} may follow.`]
      : []),
    ...foundOut(attempt),
    ...(route?.notes ?? []),
  ]
}

/** How the outcome became known, if not by the provider's response. */
function foundOut(attempt: AttemptView): readonly string[] {
  const { resolved_by: by, lookups, status, duration_ms: ms, reason } = attempt
  if (status === 'unknown')
    return [
      lookups === 0
        ? 'MiniPay looks it up at the provider.'
        : `MiniPay has tried ${plural(lookups, 'lookup')} so far.`,
    ]
  // The reason of a success is the one for which it was unknown before.
  const atFirst = status === 'succeeded' && reason ? [`No response at first: ${trimmed(reason)}.`] : []
  const took = ms ? `, ${duration(ms)} after the call` : ''
  if (by === 'lookup')
    return [...atFirst, `Found out by a lookup after ${plural(Math.max(1, lookups), 'try', 'tries')}${took}.`]
  if (by === 'resend')
    return [...atFirst, `Found out by sending the same call again${took}; the provider carries it out once.`]
  if (by === 'notification') return [...atFirst, `The provider reported it${took}.`]
  if (by === 'hand') return [...atFirst, 'A person recorded this outcome.']
  return by === 'expiry' ? ['It expired.'] : []
}
