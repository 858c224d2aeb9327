/** Calls the API for the commands, because only the serving process uses the database. */
import type { Config } from '../config.ts'

/** An unexpected response, as a sentence. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** The response's body; null if there was none. */
  readonly body: unknown
  /** The response's status; null if there was no response. */
  readonly status: number | null
  constructor(message: string, body: unknown, status: number | null = null) {
    super(message)
    this.body = body
    this.status = status
  }
}

export type ApiClient = {
  /** Returns the body; throws `ApiError` for any status but 2xx. */
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<T>
  put<T>(path: string, body: unknown): Promise<T>
  patch<T>(path: string, body: unknown): Promise<T>
  delete<T>(path: string): Promise<T>
  /** The body of a response that may have no end; throws `ApiError` for any status but 2xx. */
  stream(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>
}

/** The settings of a command that calls a server: its URL, such as http://127.0.0.1:8080, and an API key or null. */
export type ApiConfig = Pick<Config, 'server' | 'key'>

/** A client of that server, with that API key. */
export function apiClient({ server, key }: ApiConfig): ApiClient {
  function send(path: string, init: RequestInit): Promise<Response> {
    return fetch(new URL(path, server), {
      ...init,
      // A redirect could lead the key to another server.
      redirect: 'manual',
      headers: { ...(key !== null && { authorization: `Bearer ${key}` }), ...init.headers },
    }).catch((error: Error) => {
      throw new ApiError(
        `No response from ${server.origin} (${causeOf(error)}). Is minipay serve running? See --server.`,
        null,
      )
    })
  }
  async function resultOf(response: Response): Promise<unknown> {
    const { status } = response
    const result = await readJson(response)
    if (result === undefined)
      throw new ApiError(
        `${server.origin} responded with ${status}, but not in MiniPay's format.`,
        null,
        status,
      )
    if (!response.ok) throw new ApiError(sentenceOf(result, status, key !== null), result, status)
    return result
  }
  async function call<T>(method: string, path: string, body?: unknown, headers = {}): Promise<T> {
    const json = {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    }
    return (await resultOf(await send(path, { method, ...(body !== undefined && json) }))) as T
  }
  return {
    get: (path) => call('GET', path),
    post: (path, body, headers) => call('POST', path, body, headers),
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    delete: (path) => call('DELETE', path),
    async stream(path, headers, signal) {
      const response = await send(path, { headers, signal })
      if (response.ok && response.body) return response.body
      await resultOf(response)
      throw new ApiError(`${server.origin} responded without a body.`, null, response.status)
    },
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Why a request got no response: the code of the system's error, or its words. */
export function causeOf({ cause, message }: Error): string {
  const { code, message: why } = (cause ?? {}) as { code?: string; message?: string }
  return code ?? why ?? message
}

function sentenceOf(result: unknown, status: number, hasKey: boolean): string {
  const { error } = (result ?? {}) as { error?: unknown }
  const sentence = typeof error === 'string' ? error : `The server responded with ${status}.`
  if (status === 401)
    return hasKey
      ? 'The server refuses this API key: it is unknown, expired or revoked, or may not be used from this address. Check MINIPAY_KEY or --key.'
      : 'The server requires an API key. Set MINIPAY_KEY to one, such as the key that its first start printed.'
  return status === 403 && hasKey ? `${sentence} Set MINIPAY_KEY to a key that may do this.` : sentence
}
