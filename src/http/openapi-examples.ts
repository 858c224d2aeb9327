/** Examples of requests with their answers, as the server gives them: `test/e2e/documented-examples.test.ts` sends each. */

export type Example = {
  /** Of a request and its answer in the OpenAPI document. */
  readonly name: string
  readonly summary: string
  readonly body?: object
  readonly status: number
  readonly answer: object
}

/** By the id of the operation, the most usual first. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {}
