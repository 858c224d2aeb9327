import { type Body, isObject } from './json.ts'

/** The request of a call that has the form of docs/provider-protocol.md; otherwise a sentence about the error. */

type Money = { readonly amount: number; readonly currency: string }

function moneyOf({ amount, currency }: Body): Money | string {
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount <= 0)
    return 'amount must be a positive integer of minor units.'
  if (typeof currency !== 'string' || !/^[a-z]{3}$/.test(currency))
    return 'currency must be a lower-case ISO 4217 code.'
  return { amount, currency }
}

/** An authorization, in the order of its fields, for the comparison when its reference comes again. */
export function authorization(body: Body) {
  const money = moneyOf(body)
  const { reference, transaction_id, customer, payment_method, capture, description, metadata } = body
  if (typeof money === 'string') return money
  if (typeof reference !== 'string' || reference === '') return 'reference is missing.'
  if (typeof transaction_id !== 'string' || typeof customer !== 'string')
    return 'transaction_id and customer must be texts.'
  if (payment_method !== null && typeof payment_method !== 'string')
    return 'payment_method must be a text or null.'
  if (typeof capture !== 'boolean') return 'capture must be true or false.'
  if (description !== null && typeof description !== 'string') return 'description must be a text or null.'
  if (!isObject(metadata)) return 'metadata must be an object.'
  return { reference, transaction_id, ...money, customer, payment_method, capture, description, metadata }
}

/** A capture, cancel or refund. */
export function followUpOf(body: Body) {
  const money = moneyOf(body)
  const { reference, transaction_id, payment } = body
  if (typeof money === 'string') return money
  if (typeof reference !== 'string' || reference === '') return 'reference is missing.'
  if (typeof transaction_id !== 'string' || typeof payment !== 'string')
    return 'transaction_id and payment must be texts.'
  return { reference, transaction_id, payment, ...money }
}
