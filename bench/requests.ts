/** The bytes of the benchmark's requests, composed from parts that are made once. */
export type Scenario =
  /**
   * A charge with a new key, in usd unless given, of one of 10,000 customers or of as many as given, at most a million;
   * the first `remember` can be replayed and refunded later. `secret` is an API key.
   */
  | {
      readonly kind: 'charge'
      readonly remember?: number
      readonly currency?: Currency
      readonly customers?: number
      readonly secret?: string
    }
  /** A replay of a remembered charge: the same key and body. */
  | { readonly kind: 'replay' }
  /** A refund of one minor unit of a remembered charge, with a new key; each charge in its turn. */
  | { readonly kind: 'refund' }
  | { readonly kind: 'get'; readonly path: string }
  /** MiniPay's call to a provider for a charge, without a signature. */
  | { readonly kind: 'authorize' }

export type Currency = 'usd' | 'eur'
export type RememberedCharge = { readonly request: string; readonly id: string }

export type RequestMaker = {
  readonly expectedStatus: number
  /** The complete next request, in Latin-1. */
  next(): string
}

/** So large that refunds of one unit never refund a charge in full. */
const AMOUNT = 100_000
const CUSTOMERS = 10_000

const hex4 = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'))

function randomCustomer(customers: number): string {
  return `cus_${String(random32() % customers).padStart(6, '0')}`
}

/** A random UUID of version 4, without cryptographic randomness, which a benchmark does not need. */
function uuid(): string {
  const a = random32()
  const b = random32()
  const c = random32()
  const d = random32()
  return (
    `${hex4[a >>> 16]}${hex4[a & 0xffff]}-${hex4[b >>> 16]}-${hex4[(b & 0x0fff) | 0x4000]}-` +
    `${hex4[((c >>> 16) & 0x3fff) | 0x8000]}-${hex4[c & 0xffff]}${hex4[d >>> 16]}${hex4[d & 0xffff]}`
  )
}

function random32(): number {
  return (Math.random() * 0x1_0000_0000) >>> 0
}

/** The part of a POST before its idempotency key. */
function postHead(port: number, path: string, bodyBytes: number, secret?: string): string {
  const authorization = secret === undefined ? '' : `Authorization: Bearer ${secret}\r\n`
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${authorization}Content-Type: application/json\r\n` +
    `Content-Length: ${bodyBytes}\r\nIdempotency-Key: `
  )
}

/** Makes the requests of a scenario; `remembered` are the charges that replays and refunds are about. */
export function requestMaker(
  scenario: Scenario,
  port: number,
  remembered: readonly RememberedCharge[],
): RequestMaker {
  switch (scenario.kind) {
    case 'charge':
      return { expectedStatus: 201, next: charges(port, scenario) }
    case 'replay':
      return { expectedStatus: 200, next: inTurn(remembered, (charge) => charge.request) }
    case 'refund':
      return { expectedStatus: 200, next: refunds(port, remembered) }
    case 'get': {
      const request = `GET ${scenario.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
      return { expectedStatus: 200, next: () => request }
    }
    case 'authorize':
      return { expectedStatus: 200, next: authorizations(port) }
  }
}

function charges(
  port: number,
  { currency = 'usd', customers = CUSTOMERS, secret }: Extract<Scenario, { kind: 'charge' }>,
): () => string {
  const beforeCustomer = `{"amount":${AMOUNT},"currency":"${currency}","customer":"`
  const afterCustomer = '"}'
  const bodyBytes = beforeCustomer.length + randomCustomer(customers).length + afterCustomer.length
  const head = postHead(port, '/api/v1/charges', bodyBytes, secret)
  const middle = `\r\n\r\n${beforeCustomer}`
  return () => head + uuid() + middle + randomCustomer(customers) + afterCustomer
}

function authorizations(port: number): () => string {
  return () => {
    const body = authorization({ amount: AMOUNT, currency: 'usd', customer: randomCustomer(CUSTOMERS) })
    return (
      `POST /authorize HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`
    )
  }
}

/** The body of MiniPay's call for a charge: the fields of docs/provider-protocol.md, and ids of the length of MiniPay's. */
export function authorization(charge: {
  readonly amount: number
  readonly currency: string
  readonly customer: string
}): string {
  const unique = uuid().replaceAll('-', '').slice(0, 26)
  return JSON.stringify({
    operation: 'authorize',
    reference: `att_${unique}`,
    transaction_id: `txn_${unique}`,
    amount: charge.amount,
    currency: charge.currency,
    customer: charge.customer,
    payment_method: null,
    capture: true,
    description: null,
    metadata: {},
  })
}

function refunds(port: number, remembered: readonly RememberedCharge[]): () => string {
  const beforeId = '{"transaction_id":"'
  const afterId = '","amount":1}'
  const idBytes = remembered[0]?.id.length ?? 0
  const head = postHead(port, '/api/v1/refunds', beforeId.length + idBytes + afterId.length)
  const middle = `\r\n\r\n${beforeId}`
  return inTurn(remembered, (charge) => head + uuid() + middle + charge.id + afterId)
}

function inTurn(
  charges: readonly RememberedCharge[],
  request: (charge: RememberedCharge) => string,
): () => string {
  if (charges.length === 0) throw new Error('no charges are remembered: run a charge job first')
  let turn = 0
  return () => request(charges[turn++ % charges.length] as RememberedCharge)
}
