/** The examples of requests about charges. */
import { AT_BANK, CHARGE, HOLD, HOLD_AT_BANK, NEW_CHARGE } from '../openapi/example-objects.ts'
import {
  declined,
  type Example,
  NOT_CHARGED,
  NOT_TAKEN,
  notTaken,
  refused,
  shows,
} from '../openapi/examples.ts'

/** The responses to a capture or a cancel that did not succeed at once. */
const UNDECIDED: readonly Example[] = [
  {
    name: 'processing',
    summary: 'The outcome is not known yet',
    status: 202,
    response: { ...HOLD_AT_BANK, status: 'processing' },
  },
  {
    name: 'declined',
    summary: 'The provider declined',
    status: 402,
    response: declined({ charge: HOLD_AT_BANK }),
  },
  {
    name: 'not_taken',
    summary: 'The provider cannot be called',
    status: 502,
    response: notTaken(NOT_TAKEN, { charge: HOLD_AT_BANK }),
  },
]

export const CREATE_CHARGE: readonly Example[] = [
  { name: 'charge', summary: 'A charge', body: NEW_CHARGE, status: 201, response: CHARGE },
  {
    name: 'hold',
    summary: 'An authorization, to be captured later',
    body: { ...NEW_CHARGE, capture: false },
    status: 201,
    response: HOLD,
  },
  {
    name: 'declined',
    summary: 'A card that the sandbox declines',
    body: { ...NEW_CHARGE, payment_method: 'tok_chargeDeclinedInsufficientFunds' },
    status: 402,
    response: refused('card_declined', 'insufficient_funds', 'The card has insufficient funds.', {
      charge: {
        ...CHARGE,
        amount_captured: 0,
        status: 'failed',
        payment_method: 'tok_chargeDeclinedInsufficientFunds',
        provider_reference: null,
        decline_code: 'insufficient_funds',
        failure_message: 'The card has insufficient funds.',
      },
    }),
  },
  { name: 'repeated', summary: 'The same request again', status: 200, response: CHARGE },
  {
    name: 'processing',
    summary: 'A charge whose outcome is not known yet',
    status: 202,
    response: { ...CHARGE, ...AT_BANK, status: 'processing', amount_captured: 0 },
  },
  {
    name: 'not_taken',
    summary: 'A charge that no provider took',
    status: 502,
    response: notTaken(NOT_CHARGED, {
      charge: {
        ...CHARGE,
        status: 'failed',
        amount_captured: 0,
        provider: 'bank_b',
        provider_reference: null,
        decline_code: 'provider_unavailable',
        failure_message: NOT_CHARGED,
      },
    }),
  },
]

export const CAPTURE_CHARGE: readonly Example[] = [
  {
    name: 'part',
    summary: 'A part of what was authorized',
    body: { amount: 2000 },
    status: 200,
    response: { ...HOLD, status: 'succeeded', amount_captured: 2000, expires_at: null },
  },
  ...UNDECIDED,
]

export const CANCEL_CHARGE: readonly Example[] = [
  ...shows('canceled', 'A canceled charge', { ...HOLD, status: 'canceled', expires_at: null }),
  ...UNDECIDED,
]
