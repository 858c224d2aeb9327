/** Builds the examples of endpoints. */

/**
 * An example of a request with its response, as a server sends it: `test/e2e/documented-examples.test.ts` checks each one.
 * Ids, times and durations vary; the request determines everything else.
 */
export type Example = {
  /** The name of a request and its response in the OpenAPI document. */
  readonly name: string
  readonly summary: string
  /** The body of the request. An example without one is a response to the request of the first example. */
  readonly body?: object
  readonly status: number
  /** JSON, or the text of a response of another type. */
  readonly response: object | string
}

const request_id = 'req_01kasw5v8g000ne3r5yx2tb4qd'
export const refused = (code: string, decline_code: string, error: string, object: object) => ({
  ...{ error, code, decline_code },
  ...object,
  request_id,
})
export const DECLINE = 'The bank does not say why.'
export const declined = (object: object) => refused('provider_declined', 'do_not_honor', DECLINE, object)
export const NOT_CHARGED = 'It was not charged: ECONNREFUSED.'
export const NOT_TAKEN = 'The provider did not take it: ECONNREFUSED'
export const notTaken = (error: string, object: object) =>
  refused('provider_unavailable', 'provider_unavailable', error, object)

/** An example with one response, 200. */
export const shows = (name: string, summary: string, response: object): readonly Example[] => [
  { name, summary, status: 200, response },
]
/** A page with one object. */
export const pageOf = (what: string, item: object) =>
  shows('page', `A page of ${what}`, { data: [item], has_more: false })
