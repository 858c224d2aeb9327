/** The bytes of the benchmark's requests, composed from parts that are made once. */
import { secretKey, signatureHeaders } from '../src/signing.ts'

export type Scenario =
  /**
   * A charge with a new key, in usd unless given; the first `remember` can be replayed and refunded later. `secret` is
   * an API key.
   */
  | {
      readonly kind: 'charge'
      readonly remember?: number
      readonly currency?: Currency
      readonly secret?: string
    }
  /** A replay of a remembered charge: the same key and body. */
  | { readonly kind: 'replay' }
  /** A refund of one minor unit of a remembered charge, with a new key; each charge in its turn. */
  | { readonly kind: 'refund' }
  | { readonly kind: 'get'; readonly path: string }
  /** MiniPay's call to a bank for a charge, signed with their secret. */
  | { readonly kind: 'authorize'; readonly secret: string }

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
const customerIds = Array.from({ length: CUSTOMERS }, (_, i) => `cus_${String(i).padStart(6, '0')}`)

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
      return { expectedStatus: 201, next: charges(port, scenario.currency ?? 'usd', scenario.secret) }
    case 'replay':
      return { expectedStatus: 200, next: inTurn(remembered, (charge) => charge.request) }
    case 'refund':
      return { expectedStatus: 200, next: refunds(port, remembered) }
    case 'get': {
      const request = `GET ${scenario.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
      return { expectedStatus: 200, next: () => request }
    }
    case 'authorize':
      return { expectedStatus: 200, next: authorizations(port, scenario.secret) }
  }
}

function charges(port: number, currency: Currency, secret?: string): () => string {
  const beforeCustomer = `{"amount":${AMOUNT},"currency":"${currency}","customer":"`
  const afterCustomer = '"}'
  const bodyBytes = beforeCustomer.length + (customerIds[0] as string).length + afterCustomer.length
  const head = postHead(port, '/api/v1/charges', bodyBytes, secret)
  const middle = `\r\n\r\n${beforeCustomer}`
  return () => head + uuid() + middle + customerIds[random32() % CUSTOMERS] + afterCustomer
}

/** The fields of docs/provider-protocol.md in MiniPay's order, and ids of the same length as MiniPay's. */
function authorizations(port: number, secret: string): () => string {
  const key = secretKey(secret)
  if (!key) throw new Error('the secret is not one of Standard Webhooks')
  return () => {
    const unique = uuid().replaceAll('-', '').slice(0, 26)
    const customer = customerIds[random32() % CUSTOMERS]
    const body =
      `{"operation":"authorize","reference":"att_${unique}","transaction_id":"txn_${unique}","amount":${AMOUNT},` +
      `"currency":"usd","customer":"${customer}","payment_method":null,"capture":true,"description":null,"metadata":{}}`
    const signed = Object.entries(signatureHeaders(key, `att_${unique}`, Date.now(), body))
    return (
      `POST /authorize HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ` +
      `${body.length}\r\n${signed.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
    )
  }
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
