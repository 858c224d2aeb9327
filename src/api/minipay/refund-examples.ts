/** The examples of a refund. */
import { NEW_REFUND, REFUND } from '../openapi/example-objects.ts'
import { DECLINE, declined, type Example, NOT_TAKEN, notTaken } from '../openapi/examples.ts'

export const CREATE_REFUND: readonly Example[] = [
  { name: 'refund', summary: 'A part of a charge', body: NEW_REFUND, status: 200, response: REFUND },
  {
    name: 'processing',
    summary: 'The outcome is not known yet',
    status: 202,
    response: { ...REFUND, status: 'processing', provider_reference: null },
  },
  {
    name: 'declined',
    summary: 'The provider declined',
    status: 402,
    response: declined({
      refund: {
        ...REFUND,
        status: 'failed',
        provider_reference: null,
        decline_code: 'do_not_honor',
        failure_message: DECLINE,
      },
    }),
  },
  {
    name: 'not_taken',
    summary: 'The provider cannot be called',
    status: 502,
    response: notTaken(NOT_TAKEN, {
      refund: {
        ...REFUND,
        status: 'failed',
        provider_reference: null,
        decline_code: 'provider_unavailable',
        failure_message: NOT_TAKEN,
      },
    }),
  },
]
