/**
 * A provider that lies: a real server of the `http` protocol. Its honest ledger (`truth.ts`) has what it really did;
 * its responses are drawn at random (`conduct.ts`). The same seed treats a story the same way. At the end it turns
 * honest: it decides accepted calls, sends notifications about everything, and responds truthfully.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isSigned, secretKey } from '../../../src/signing.ts'
import type { Draw } from '../../kit/draws.ts'
import { drawsOf } from '../../kit/draws.ts'
import { newSecret } from '../../kit/simulator.ts'
import { firstConduct, replyOf, type Temper } from './conduct.ts'
import { type DisputePlan, type DisputeWords, disputesOf } from './disputes.ts'
import { type About, answerOf, type Reply, type Words } from './lies.ts'
import { type Notifier, notifier } from './notifier.ts'
import { type Asked, type Deed, KINDS, type Kind, type Truth, truth } from './truth.ts'

/** A call that moves money, as received; the same reference may come again. */
export type Received = { readonly asked: Asked; readonly at: number }
export type ToldDispute = { readonly plan: DisputePlan; words: DisputeWords }

/**
 * `final`: a lookup that finds nothing closes its reference. `none`: MiniPay may not look anything up, so it can learn
 * only of what was decided at once: nothing is decided later, comes back, lapses or is disputed.
 */
export type Lookup = 'final' | 'eventual' | 'none'

export type Liar = {
  readonly name: string
  readonly lookup: Lookup
  /** References that were looked up although there is no lookup. */
  readonly strays: readonly string[]
  readonly url: string
  readonly secret: string
  readonly truth: Truth
  readonly received: readonly Received[]
  readonly disputes: ReadonlyMap<string, ToldDispute>
  /** All responses about a charge or refund call, for a person who examines it. */
  storyOf(transaction: string): readonly string[]
  temperOf(story: string): Temper
  /** Refuses connections, and cuts open ones. */
  down(): Promise<void>
  up(): Promise<void>
  /** From now on it reports only the truth. Resolves when it has sent every notification once. */
  turnHonest(): Promise<void>
  close(): Promise<void>
}

export type LiarOptions = {
  readonly name: string
  readonly seed: number
  readonly lookup: Lookup
  readonly deadlineMs: number
  readonly temperOf: (story: string) => Temper
  /** The URL for this provider's notifications to MiniPay. */
  readonly target: () => string
}

const HANG_MS = 3_000
const LATE_MS = 50

export async function startLiar(options: LiarOptions): Promise<Liar> {
  const secret = newSecret()
  const key = secretKey(secret) as Buffer
  const one = new Conversation(options, notifier(key, options.target))
  const server = createServer((request, response) => {
    serve(one, key, request, response).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 65_000
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    name: options.name,
    lookup: options.lookup,
    strays: one.strays,
    url: `http://127.0.0.1:${port}`,
    secret,
    truth: one.truth,
    received: one.received,
    disputes: one.disputes,
    storyOf: (transaction) => one.told(transaction),
    temperOf: options.temperOf,
    down: stop,
    up: () => listen(port),
    turnHonest: () => one.turnHonest(),
    async close() {
      one.stop()
      if (server.listening) await stop()
    },
  }
}

async function serve(one: Conversation, key: Buffer, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  if (!isSigned(key, request.headers, bytes, Date.now())) return void response.writeHead(401).end()
  const body: Words = JSON.parse(bytes.toString())
  const { reply, heard } = one.answer(body)
  switch (reply.kind) {
    case 'cut':
      return void response.destroy()
    case 'hang':
      return void one.after(HANG_MS, () => response.destroy())
    case 'answer': {
      const send = () => {
        response.once('finish', () => heard(reply))
        response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.text)
      }
      return reply.late ? void one.after(one.lateMs, send) : send()
    }
  }
}

/** What is said and done, without the network. */
class Conversation {
  readonly truth: Truth
  readonly received: Received[] = []
  readonly strays: string[] = []
  readonly disputes = new Map<string, ToldDispute>()
  readonly lateMs: number
  readonly #options: LiarOptions
  readonly #notifier: Notifier
  readonly #stories = new Map<string, string>()
  readonly #calls = new Map<string, number>()
  /** References that lying stories got, and that other stories may get again. */
  readonly #given: string[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #honest = false

  constructor(options: LiarOptions, sender: Notifier) {
    this.#options = options
    this.#notifier = sender
    this.truth = truth(options.name)
    this.lateMs = options.deadlineMs + LATE_MS
  }

  after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#notifier.stop()
  }

  told(transaction: string): string[] {
    const own = [...this.truth.deeds.values()].filter(({ asked }) => asked.transaction === transaction)
    const plans = [...this.disputes.values()].filter(({ plan }) => plan.transaction === transaction)
    return [
      ...own.map(({ payment, ...deed }) => {
        const { held, captured, refunded } = payment ?? {}
        return `${this.#options.name}: ${JSON.stringify({ ...deed, held, captured, refunded })}`
      }),
      ...plans.map((dispute) => `${this.#options.name}: ${JSON.stringify(dispute)}`),
    ]
  }

  /** The response to a call; `heard` is called after it was sent completely. */
  answer(body: Words): { reply: Reply; heard: (reply: Reply) => void } {
    const nothing = () => {}
    if (this.#options.lookup === 'none' && body['operation'] === 'lookup')
      this.strays.push(String(body['dispute'] ?? body['reference']))
    if (typeof body['dispute'] === 'string')
      return { reply: this.#disputeReply(body['dispute']), heard: nothing }
    const reference = String(body['reference'])
    const lookup = body['operation'] === 'lookup'
    const asked = lookup ? undefined : askedOf(body)
    if (asked) this.#note(asked, body)
    const story = this.#stories.get(reference)
    const temper = story === undefined ? 'faulty' : this.#options.temperOf(story)
    const reply = asked
      ? this.#callReply(asked, story ?? '', temper)
      : this.#lookupReply(reference, story, temper)
    return { reply, heard: (sent) => this.#heard(reference, temper, sent) }
  }

  #note(asked: Asked, body: Words): void {
    this.received.push({ asked, at: Date.now() })
    const metadata = body['metadata'] as Record<string, string> | undefined
    const story = metadata?.['story'] ?? this.#stories.get(asked.transaction) ?? ''
    this.#stories.set(asked.transaction, story)
    this.#stories.set(asked.reference, story)
  }

  #callReply(asked: Asked, story: string, temper: Temper): Reply {
    const { reference } = asked
    if (this.truth.closed.has(reference))
      return {
        kind: 'answer',
        status: 409,
        text: '{"status":"refused","code":"reference_closed","message":""}',
      }
    const before = this.truth.deeds.has(reference)
    if (this.#honest) {
      this.truth.carryOut(asked, story, { act: 'do' })
      return answerOf(this.truth.statement(reference))
    }
    const draw = this.#draw(story, asked.kind)
    if (before) return replyOf(draw, temper)(this.#about(reference, false))
    const { will, later, reply } = firstConduct(draw, temper, asked)
    if (will && this.#options.lookup === 'none')
      this.truth.carryOut(asked, story, will.act === 'accept' ? { ...will, act: 'do' } : will)
    else if (will) this.#aftermath(draw, temper, this.truth.carryOut(asked, story, will), later)
    if (temper === 'lying') this.#chatter(draw, asked)
    return reply({ ...this.#about(reference, false), asked })
  }

  #lookupReply(reference: string, story: string | undefined, temper: Temper): Reply {
    const about = this.#about(reference, true)
    if (about.asked === undefined && this.#options.lookup === 'final') this.truth.closed.add(reference)
    if (this.#honest || story === undefined) return answerOf(about.truth)
    return replyOf(this.#draw(story, `lookup of ${about.asked?.kind}`), temper)(about)
  }

  #about(reference: string, lookup: boolean): About {
    const asked = this.truth.deeds.get(reference)?.asked
    const another = (draw: Draw) => draw.of<string | undefined>(this.#given)
    return { asked, truth: this.truth.statement(reference), lookup, another }
  }

  /** The later changes of a call: it is decided, reversed, expires, is disputed. */
  #aftermath(
    draw: Draw,
    temper: Temper,
    deed: Deed,
    later: { readonly afterMs: number; readonly done: boolean } | null,
  ): void {
    const { asked, name } = deed
    const tells = temper === 'faulty' || draw.chance(0.6)
    const notify = (about: string, reference: string) => {
      if (tells) void this.#notifier.tell(about, reference)
    }
    if (deed.stage === 'accepted' && later)
      this.after(later.afterMs, () => {
        this.truth.settle(deed, later.done)
        notify('attempt', asked.reference)
      })
    const comesBack = asked.kind === 'refund' && draw.chance(0.1)
    if (comesBack)
      this.after(draw.between(50, 400), () => {
        if (this.truth.comeBack(deed)) notify('refund', name)
      })
    const lapses = asked.kind === 'authorize' && !asked.capture && draw.chance(0.1)
    if (lapses)
      this.after(draw.between(50, 400), () => {
        if (deed.payment && this.truth.lapse(deed.payment)) notify('payment', name)
      })
    const money = deed.stage === 'done' ? asked.kind === 'authorize' && asked.capture : temper === 'lying'
    if (money && asked.kind === 'authorize')
      for (const plan of disputesOf(draw, temper, deed, () => draw.of<string | undefined>(this.#given)))
        this.#dispute(plan)
  }

  #dispute(plan: DisputePlan): void {
    let afterMs = 0
    for (const step of plan.steps) {
      afterMs += step.afterMs
      this.after(afterMs, () => {
        this.disputes.set(plan.reference, { plan, words: step.words })
        void this.#notifier.tell('dispute', plan.reference)
      })
    }
  }

  #disputeReply(reference: string): Reply {
    const dispute = this.disputes.get(reference)
    const words = dispute?.words ?? { status: 'not_found' }
    if (this.#honest || !dispute) return answerOf(words)
    const draw = this.#draw(dispute.plan.story, `dispute ${reference}`)
    if (draw.chance(0.8)) return answerOf(words)
    return draw.of<Reply>([{ kind: 'cut' }, { kind: 'hang' }, answerOf({ status: 'not_found' })])
  }

  /** Notifications out of turn, twice, and about what nobody knows. */
  #chatter(draw: Draw, { reference }: Asked): void {
    if (!draw.chance(0.25)) return
    const { tell, babble } = this.#notifier
    const name = this.truth.deeds.get(reference)?.name ?? 'pay_of_mars'
    const id = `twice_${reference}`
    draw.of<() => unknown>([
      () => tell('attempt', reference),
      () => Promise.all([tell('attempt', reference, id), tell('attempt', reference, id)]),
      () => tell('payment', name),
      () => tell('refund', name),
      () => tell('dispute', 'dis_of_mars'),
      () => tell('attempt', 'att_01m84ah54h001c7gs23tb0kxtw'),
      () => tell('weather', reference),
      () => babble(JSON.stringify({ id, about: 'attempt', reference }), false),
      () => babble(JSON.stringify({ id: 7, about: 'attempt' }), true),
      () => babble('half of {', true),
    ])()
  }

  #draw(story: string, what: string): Draw {
    const { seed, name } = this.#options
    const slot = `${story}/${what}`
    const count = this.#calls.get(slot) ?? 0
    this.#calls.set(slot, count + 1)
    return drawsOf(seed, name, slot, count)
  }

  /** A reference that was given away means that payment from now on. */
  #heard(reference: string, temper: Temper, reply: Reply): void {
    const deed = this.truth.deeds.get(reference)
    if (!deed || reply.kind !== 'answer') return
    deed.said.push(`${reply.status} ${reply.text.slice(0, 300)}`)
    const name = nameIn(reply.text)
    if (name === undefined) return
    if (deed.asked.kind === 'authorize' && deed.payment) this.truth.alias(name, deed.payment)
    if (temper === 'lying' && (deed.asked.kind === 'authorize' || deed.asked.kind === 'refund'))
      this.#given.push(name)
  }

  async turnHonest(): Promise<void> {
    this.#honest = true
    for (const timer of this.#timers) clearTimeout(timer)
    const { tell } = this.#notifier
    const news: Promise<void>[] = []
    for (const reference of new Set(this.received.map(({ asked }) => asked.reference))) {
      const deed = this.truth.deeds.get(reference)
      const isNew = deed?.stage === 'accepted'
      if (isNew) this.truth.settle(deed, drawsOf(this.#options.seed, reference).chance(0.8))
      const story = this.#stories.get(reference) ?? ''
      if (isNew || this.#options.temperOf(story) === 'lying') news.push(tell('attempt', reference))
    }
    for (const [reference, dispute] of this.disputes) {
      const last = dispute.plan.steps.at(-1)?.words ?? dispute.words
      dispute.words = wellFormed(last)
      news.push(tell('dispute', reference))
    }
    await Promise.all(news)
  }
}

function wellFormed(words: DisputeWords): DisputeWords {
  const { status, amount, currency } = words
  return {
    ...words,
    status: ['open', 'won', 'lost'].includes(String(status)) ? status : 'open',
    amount: Number.isSafeInteger(amount) && Number(amount) >= 0 ? amount : 100,
    currency: /^[a-z]{3}$/i.test(String(currency)) ? currency : 'usd',
  }
}

function askedOf(body: Words): Asked {
  const kind = KINDS.find((one) => one === body['operation']) as Kind
  return {
    reference: String(body['reference']),
    kind,
    transaction: String(body['transaction_id']),
    payment: kind === 'authorize' ? null : String(body['payment']),
    amount: Number(body['amount']),
    currency: String(body['currency']),
    capture: body['capture'] === true,
  }
}

function nameIn(text: string): string | undefined {
  try {
    const { reference } = JSON.parse(text) as Words
    return typeof reference === 'string' && /^[\x21-\x7e]{1,255}$/.test(reference) ? reference : undefined
  } catch {
    return undefined
  }
}
