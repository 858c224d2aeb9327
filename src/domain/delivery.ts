/**
 * The result of one attempt to deliver a webhook: the response's HTTP status with its `Retry-After` header and the
 * beginning of its body, up to 500 characters that can be shown; or the reason why there was no response, in words.
 * `cut`: the response was too long or did not end, so MiniPay cut the connection.
 */
export type DeliveryAttempt =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly retryAfter?: string
      /** The beginning of the response's body. */
      readonly answer?: string
      readonly cut?: true
    }
  | {
      readonly kind: 'no_answer'
      readonly error: string
      /** MiniPay sent nothing, because it could not make the message: it says nothing about the receiver. */
      readonly unsent?: true
    }
