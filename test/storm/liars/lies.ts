/**
 * Every lie of a liar: responses that the protocol allows at the wrong time, and many that it does not allow. A lie is
 * a body with status 200; `noise` replaces a response.
 */
import { DECLINE_CODES } from '../../../src/domain/decline.ts'
import type { Draw } from '../../kit/draws.ts'
import { weighted } from '../../kit/draws.ts'
import type { Asked } from './truth.ts'

export type Words = Readonly<Record<string, unknown>>

/** How a liar uses the connection: it responds, cuts it, or stays silent. */
export type Reply =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string; readonly late?: true }
  | { readonly kind: 'cut' }
  | { readonly kind: 'hang' }

export type About = {
  /** Undefined for a lookup of a call that never arrived. */
  readonly asked: Asked | undefined
  readonly truth: Words
  readonly lookup: boolean
  /** A reference that the liar gave to another payment or refund; undefined while it gave none. */
  another(draw: Draw): string | undefined
}

export const answerOf = (body: Words): Reply => ({ kind: 'answer', status: 200, text: JSON.stringify(body) })

/** The decline codes of the world, ours that are reserved, and what is none. */
const CODES = [
  ...Object.keys(DECLINE_CODES),
  ...['provider_unavailable', 'already_captured', 'already_refunded', 'authorization_expired'],
  ...['internal', 'charge_in_doubt', 'not_found', 'succeeded', 'Weird code!', '', 'x'.repeat(200)],
  '4242424242424242',
] as const

const STATUSES = [
  ...[400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 429],
  ...[500, 501, 502, 503, 504, 520, 201, 202, 206, 301, 302, 307],
] as const

/** What stands in a lie's place for success: as asked, or as drawn. */
function success({ asked, truth }: About): Record<string, unknown> {
  return {
    status: 'succeeded',
    reference: truth['reference'] ?? `made_up_${asked?.reference ?? 'of_nothing'}`,
    amount: asked?.amount ?? 1_000,
    currency: asked?.currency ?? 'usd',
  }
}

type Lie = (draw: Draw, about: About) => Words

const otherAmount: Lie = (draw, about) => {
  const { asked, ...body } = { asked: about.asked?.amount ?? 1_000, ...success(about) }
  const half = Math.max(1, Math.floor(asked / 2))
  const amounts = [asked * 2, half, asked + 1, 0, -1, -asked, 2 ** 53, Number.MAX_SAFE_INTEGER, 1e300]
  return {
    ...body,
    amount: draw.of<unknown>([...amounts, asked + 0.5, String(asked), null, undefined, [asked]]),
  }
}

const otherCurrency: Lie = (draw, about) => {
  const body = success(about)
  const currency = String(body['currency'])
  const others = [
    currency === 'eur' ? 'usd' : 'eur',
    currency.toUpperCase(),
    'kwd',
    'zzz',
    'euro',
    '',
    null,
    7,
  ]
  return { ...body, currency: draw.of<unknown>([...others, undefined]) }
}

const otherReference: Lie = (draw, about) => ({
  ...success(about),
  reference: draw.of<unknown>([
    ...[about.another(draw), about.another(draw), about.another(draw)],
    ...[about.asked?.payment ?? undefined, about.asked?.payment ?? undefined, about.asked?.reference],
    ...[undefined, null, '', 'x'.repeat(256), 'x'.repeat(255), 'with space', 'größer', 12],
  ]),
})

const declined: Lie = (draw, about) => ({
  status: 'declined',
  decline_code: draw.of<unknown>([...CODES, undefined, null, 51]),
  message: draw.of<unknown>(['No.', '', undefined, 12, 'x'.repeat(5_000)]),
  reference: draw.of<unknown>([undefined, about.truth['reference'], about.another(draw), 7]),
})

const pending: Lie = (draw, about) => ({
  status: 'pending',
  reference: draw.of<unknown>([undefined, null, about.truth['reference'], about.another(draw), '', 9]),
  redirect_url: draw.of<unknown>([
    ...[undefined, undefined, undefined, null, 'https://bank.example/confirm?payment=1'],
    ...['javascript:alert(1)', 'not a url', 'http://', 42, `https://bank.example/${'x'.repeat(3_000)}`],
  ]),
})

const otherExpiry: Lie = (draw, about) => ({
  ...success(about),
  expires_at: draw.of<unknown>([
    ...['yesterday', '2020-01-01T00:00:00Z', '2031-01-01T00:00:00', '9999-12-31T23:59:59Z', ''],
    ...['+275760-09-13T00:00:00Z', '2031-02-31T00:00:00Z', '2031-01-01T00:00:00+24:00', 1e12, -1],
    new Date(Date.now() + draw.between(-2_000, 2_000)).toISOString(),
  ]),
})

const opposite: Lie = (draw, about) =>
  about.truth['status'] === 'succeeded'
    ? draw.of<Words>([{ status: 'not_found' }, { status: 'declined', decline_code: 'do_not_honor' }])
    : success(about)

const nonsense: Lie = (draw, about) => ({
  ...success(about),
  status: draw.of<unknown>([
    'ok',
    'refunded',
    'SUCCEEDED',
    'open',
    'lost',
    'unknown',
    '',
    null,
    1,
    undefined,
  ]),
})

const notFound: Lie = () => ({ status: 'not_found' })
const asAsked: Lie = (_draw, about) => success(about)

/** One lie. */
export function lie(draw: Draw, about: About): Words {
  const tell = weighted<Lie>(draw, [
    [14, otherAmount],
    [8, otherCurrency],
    [14, otherReference],
    [16, declined],
    [10, pending],
    [5, otherExpiry],
    [14, opposite],
    [4, nonsense],
    [about.lookup ? 14 : 2, notFound],
    [6, asAsked],
  ])
  return tell(draw, about)
}

/** A refusal in the protocol's form, with a code that has a meaning or none. */
export function refusal(draw: Draw): Reply {
  const code = draw.of([
    'amount_too_large',
    'reference_reused',
    'reference_closed',
    'busy',
    'x'.repeat(300),
    '',
  ])
  return {
    kind: 'answer',
    status: draw.of([400, 401, 404, 409, 409, 422, 429, 500, 200]),
    text: JSON.stringify({ status: 'refused', code, message: draw.of(['No.', '']) }),
  }
}

/** Any status with any body, the truth's or a part of it among them. */
export function noise(draw: Draw, truth: Words): Reply {
  const whole = JSON.stringify(truth)
  const text = draw.of([
    ...['', '<html><head><title>Bad Gateway</title></head></html>', '{"error":"Something went wrong."}'],
    ...[whole, whole.slice(0, whole.length / 2), '[]', 'null', `{"status":"refused"}`, `${whole}${whole}`],
    ' '.repeat(2 ** 20 + 1),
  ])
  return { kind: 'answer', status: draw.of([...STATUSES, 200, 200, 200]), text }
}
