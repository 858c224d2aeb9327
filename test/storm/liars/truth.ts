/**
 * The honest ledger of a liar: the money that it really held, captured, released and refunded, by MiniPay's reference
 * and by its own. `lies.ts` has its false reports.
 */
export const KINDS = ['authorize', 'capture', 'cancel', 'refund'] as const
export type Kind = (typeof KINDS)[number]

/** A call as it came: amounts in minor units. */
export type Asked = {
  /** Our name of the call. */
  readonly reference: string
  readonly kind: Kind
  readonly transaction: string
  /** The payment that is meant, by a name that the liar gave; null for an authorization. */
  readonly payment: string | null
  readonly amount: number
  readonly currency: string
  readonly capture: boolean
}

/** The money of one authorization. */
export type Payment = {
  readonly authorization: Deed
  /** Held and not yet captured or released. */
  held: number
  captured: number
  refunded: number
}

/** One call and what was really made of it. */
export type Deed = {
  readonly asked: Asked
  readonly story: string
  /** The liar's true name of it. */
  readonly name: string
  /**
   * `accepted`: not decided yet. `done`: it moved `amount`. `refused`: nothing moved and never will. `undone`: a refund
   * that came back.
   */
  stage: 'accepted' | 'done' | 'refused' | 'undone'
  amount: number
  currency: string
  /** Why it was refused. */
  code: string | null
  /** Whose money it is; null when the liar knows no payment of that name. */
  payment: Payment | null
  /** Every answer about it that was sent whole, a lookup's too. */
  readonly said: string[]
}

/** How a call is carried out: other money than was asked for is the liar's own idea. */
export type Will = {
  readonly act: 'do' | 'refuse' | 'accept'
  readonly amount?: number
  readonly currency?: string
  readonly code?: string
}

export type Truth = {
  readonly deeds: ReadonlyMap<string, Deed>
  /** References that were given away as closed: a call with one is never carried out. */
  readonly closed: Set<string>
  /** Carries a call out, once; the same reference again is what was made of it. */
  carryOut(asked: Asked, story: string, will: Will): Deed
  /** Decides what was accepted. */
  settle(deed: Deed, done: boolean): void
  /** A refund that was done comes back. False when it was not done. */
  comeBack(refund: Deed): boolean
  /** An authorization lapses. False when nothing is held. */
  lapse(payment: Payment): boolean
  /** From now on this name means that payment too. */
  alias(name: string, payment: Payment): void
  /** How a call stands, in the protocol's words. */
  statement(reference: string): Readonly<Record<string, unknown>>
}

export function truth(provider: string): Truth {
  const deeds = new Map<string, Deed>()
  const closed = new Set<string>()
  const names = new Map<string, Payment[]>()

  function alias(name: string, payment: Payment): void {
    const known = names.get(name) ?? []
    if (!known.includes(payment)) names.set(name, [...known, payment])
  }

  function carryOut(asked: Asked, story: string, will: Will): Deed {
    const before = deeds.get(asked.reference)
    if (before) return before
    const deed: Deed = {
      asked,
      story,
      name: `${provider}_${asked.kind.slice(0, 3)}_${deeds.size + 1}`,
      stage: 'accepted',
      amount: will.amount ?? asked.amount,
      currency: will.currency ?? asked.currency,
      code: null,
      payment: names.get(asked.payment ?? '')?.[0] ?? null,
      said: [],
    }
    if (asked.kind === 'authorize') {
      deed.payment = { authorization: deed, held: 0, captured: 0, refunded: 0 }
      alias(deed.name, deed.payment)
    }
    deeds.set(asked.reference, deed)
    if (will.act === 'refuse') refuse(deed, will.code ?? 'do_not_honor')
    if (will.act === 'do') settle(deed, true)
    return deed
  }

  return {
    deeds,
    closed,
    carryOut,
    settle,
    comeBack(refund) {
      if (refund.asked.kind !== 'refund' || refund.stage !== 'done' || !refund.payment) return false
      refund.payment.refunded -= refund.amount
      refund.stage = 'undone'
      return true
    },
    lapse(payment) {
      if (payment.held === 0) return false
      payment.held = 0
      return true
    },
    alias,
    statement: (reference) => statement(deeds.get(reference)),
  }
}

function refuse(deed: Deed, code: string): void {
  deed.stage = 'refused'
  deed.code = code
}

function settle(deed: Deed, done: boolean): void {
  if (deed.stage !== 'accepted') return
  const hindered = done ? hindrance(deed) : 'do_not_honor'
  if (hindered !== undefined) {
    refuse(deed, hindered)
    return
  }
  deed.stage = 'done'
  const { asked, payment, amount } = deed
  if (!payment) return
  if (asked.kind === 'authorize') payment[asked.capture ? 'captured' : 'held'] = amount
  if (asked.kind === 'refund') payment.refunded += amount
  if (asked.kind === 'capture') payment.captured = amount
  if (asked.kind === 'capture' || asked.kind === 'cancel') payment.held = 0
}

/** Why it can't be done now; undefined when it can. */
function hindrance({ asked, payment, amount }: Deed): string | undefined {
  if (asked.kind === 'authorize') return undefined
  if (!payment) return 'no_such_payment'
  if (asked.kind === 'refund')
    return amount > payment.captured - payment.refunded ? 'already_refunded' : undefined
  if (payment.captured > 0) return 'already_captured'
  return payment.held > 0 ? undefined : 'authorization_expired'
}

/** An authorization of which nothing is held or was taken any more. */
export function isReleased({ asked, stage, payment }: Deed): boolean {
  return asked.kind === 'authorize' && stage === 'done' && payment?.held === 0 && payment.captured === 0
}

function statement(deed: Deed | undefined): Readonly<Record<string, unknown>> {
  if (!deed) return { status: 'not_found' }
  const { stage, name: reference, amount, currency, asked } = deed
  if (stage === 'accepted') return { status: 'pending', reference }
  if (stage === 'refused')
    return { status: 'declined', decline_code: deed.code, message: 'It was not done.', reference }
  if (stage === 'undone')
    return { status: 'declined', decline_code: 'processing_error', message: 'It came back.', reference }
  if (isReleased(deed))
    return {
      status: 'declined',
      decline_code: 'authorization_expired',
      message: 'Nothing is held.',
      reference,
    }
  return {
    status: 'succeeded',
    reference,
    amount: asked.kind === 'cancel' ? asked.amount : amount,
    currency,
  }
}
