/** How a provider treats a call, drawn for each: whether it does the call, and how it responds. */
import type { Draw } from '../../kit/draws.ts'
import { weighted } from '../../kit/draws.ts'
import { type About, answerOf, lie, noise, type Reply, refusal } from './lies.ts'
import type { Asked, Will } from './truth.ts'

/**
 * How a story is treated by every provider. `faulty`: answers get lost, come late or are errors, and what is said is
 * true. `lying`: anything may be said.
 */
export type Temper = 'faulty' | 'lying'

export type Conduct = {
  /** Null: the provider does not do the call, but may do it when it comes again. */
  readonly will: Will | null
  /** When and how what is accepted is decided; null: not before the liars turn honest. */
  readonly later: { readonly afterMs: number; readonly done: boolean } | null
  readonly reply: (about: About) => Reply
}

/** What the customer's bank says no with; a rule may fail over after the first two. */
const CODES = ['do_not_honor', 'insufficient_funds', 'stolen_card'] as const

const tell = ({ truth }: About): Reply => answerOf(truth)
const cut = (): Reply => ({ kind: 'cut' })
const hang = (): Reply => ({ kind: 'hang' })
const broken =
  (draw: Draw) =>
  (_about: About): Reply => ({
    kind: 'answer',
    status: draw.of([500, 502, 503]),
    text: '<html>Bad Gateway</html>',
  })
const late = (about: About): Reply => ({
  kind: 'answer',
  status: 200,
  text: JSON.stringify(about.truth),
  late: true,
})

/**
 * The first time that a call arrives. Many stories begin with the truth, because few would otherwise reach a refund.
 */
export function firstConduct(draw: Draw, temper: Temper, asked: Asked): Conduct {
  const will = willOf(draw, temper, asked)
  const never = temper === 'lying' && draw.chance(0.3)
  const later = never ? null : { afterMs: draw.between(10, 400), done: draw.chance(0.8) }
  const lost = draw.chance(0.12)
  const honestly = asked.kind === 'authorize' && draw.chance(0.4)
  const reply = lost ? lostReply(draw, temper) : honestly ? tell : replyOf(draw, temper)
  return { will: lost ? null : will, later, reply }
}

/** The response to a repeated call, and to a lookup. */
export function replyOf(draw: Draw, temper: Temper): Conduct['reply'] {
  if (temper === 'faulty')
    return weighted(draw, [
      [76, tell],
      [8, cut],
      [6, hang],
      [6, broken(draw)],
      [4, late],
    ])
  return weighted<Conduct['reply']>(draw, [
    [40, tell],
    [34, (about) => answerOf(lie(draw, about))],
    [10, (about) => noise(draw, about.truth)],
    [5, () => refusal(draw)],
    [5, cut],
    [3, hang],
    [3, late],
  ])
}

/** The response to a call that was not done: a lie may report that it was. */
function lostReply(draw: Draw, temper: Temper): Conduct['reply'] {
  if (temper === 'faulty') return draw.of([cut, hang, broken(draw)])
  return draw.of<Conduct['reply']>([
    cut,
    hang,
    (about) => answerOf(lie(draw, about)),
    (about) => noise(draw, about.truth),
    () => refusal(draw),
  ])
}

function willOf(draw: Draw, temper: Temper, { kind, amount, currency }: Asked): Will {
  const act = weighted<Will['act']>(draw, [
    [80, 'do'],
    [10, 'refuse'],
    [10, 'accept'],
  ])
  if (act === 'refuse') return { act, code: draw.of(CODES) }
  if (temper === 'faulty' || kind === 'cancel' || draw.chance(0.93)) return { act }
  const other = currency === 'eur' ? 'usd' : 'eur'
  return draw.of<Will>([
    { act, amount: Math.max(1, Math.floor(amount / 2)) },
    { act, amount: amount * 2 },
    { act, currency: other },
  ])
}
