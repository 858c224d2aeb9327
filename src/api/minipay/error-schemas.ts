/** The schemas of errors. */

import { array, integer, named, nullable, object, oneOf, optional, string } from '../../http/schema.ts'
import { ERRORS } from '../errors.ts'
import { declineCode } from './fields.ts'

/** One mistake in a request or a rule set. */
export const Problem = named(
  'Problem',
  object({
    path: string({ description: 'The parameter, or the place in the rules.', examples: ['rules[1].when'] }),
    position: {
      ...nullable(
        object({
          line: integer({ description: 'From 1.', examples: [1] }),
          column: integer({ description: 'From 1.', examples: [1] }),
          offset: integer({ description: 'From 0.', examples: [0] }),
        }),
      ),
      description: 'The position within a condition. Null for other errors.',
    },
    message: string({ description: 'A sentence for people.', examples: ['Unknown variable: amout.'] }),
  }),
  'One error of a request.',
)

const errorCode = named(
  'ErrorCode',
  oneOf(Object.keys(ERRORS), { description: 'For programs. A code never changes its meaning.' }),
)

export const request_id = string({
  description: 'The id of the request, as in the X-Request-Id header.',
  examples: ['req_01kasw5v8g000ne3r5yx2tb4qd'],
})

export const ErrorResponse = named(
  'Error',
  object({
    error: string({ description: 'A sentence for people. It may change.' }),
    code: errorCode,
    param: optional(string({ description: 'The field, query parameter or header that is wrong.' })),
    problems: optional({
      ...array(Problem),
      description: 'Each error, if the request has several.',
    }),
    request_id,
  }),
  'Why a request was refused.',
)

/** The fields of an error that a provider caused. */
export const refusal = <const C extends string>(code: C) => ({
  error: nullable(
    string({ description: 'A sentence for people.', examples: ['The card has insufficient funds.'] }),
  ),
  code: oneOf([code], { description: 'For programs.' }),
  decline_code: declineCode,
})

export const unavailable = {
  ...refusal('provider_unavailable'),
  decline_code: optional(string({ description: 'The same as `code`.', examples: ['provider_unavailable'] })),
}
