import type { Egress } from '../net/egress.ts'
import { httpUrl } from '../net/http-url.ts'
import type { Provider } from '../ports/provider.ts'
import { secretKey } from '../signing.ts'

/**
 * A provider configuration that MiniPay cannot use, as a sentence. It never repeats a value, because any value may be
 * a secret.
 */
export class ProviderConfigError extends Error {
  override readonly name = 'ProviderConfigError'
}

/** The settings of one provider, read field by field. Every reader throws a `ProviderConfigError` that names the field. */
export type Fields = {
  /** A text of 1 to 1,000 characters; without a default it must be there. */
  text(field: string, fallback?: string): string
  integer(field: string, min: number, max: number, fallback: number): number
  boolean(field: string, fallback: boolean): boolean
  /** Without a default it must be there. */
  oneOf<const T extends string>(field: string, allowed: readonly T[], fallback?: T): T
  /** An http or https URL without user name, query and fragment; without a default it must be there. */
  url(field: string, fallback?: string): URL
  /** The same; also refuses an address that MiniPay must not connect to. */
  target(field: string, egress: Egress): URL
  /** A Standard Webhooks secret, and its key. */
  secret(field: string): { readonly text: string; readonly key: Buffer }
  /** A list of 1 to 1,000 ids of accounts; null when the field is absent. */
  accounts(field: string): readonly string[] | null
  /** True when the field is given. */
  has(field: string): boolean
  /** Refuses the settings because of a field; the sentence follows the field's name. */
  refuse(field: string, sentence: string): never
  /** Refuses fields that were not read: the last line of every `create`. */
  end(): void
}

/** The time, in ms since 1970, and the addresses that a provider may connect to. */
export type Outside = { readonly now: () => number; readonly egress: Egress }

/** Makes an instance of a kind, which reads its settings and calls `end`. */
export type Create = (name: string, fields: Fields, outside: Outside) => Provider | Promise<Provider>

/** Readers of a JSON object; `where` begins every sentence, such as `providers.json: bank_a`. */
export function fieldsOf(where: string, values: Readonly<Record<string, unknown>>): Fields {
  const read = new Set<string>(['kind'])
  const fail = (field: string, sentence: string): never => {
    throw new ProviderConfigError(`${where}: ${field} ${sentence}.`)
  }

  /** The field's value when `is` accepts it, the fallback when it is absent. */
  function take<T>(field: string, words: string, is: (value: unknown) => value is T, fallback?: T): T {
    read.add(field)
    if (!Object.hasOwn(values, field)) return fallback ?? fail(field, `is missing: it must be ${words}`)
    const value = values[field]
    return is(value) ? value : fail(field, `must be ${words}`)
  }

  return {
    text: (field, fallback) => take(field, 'a string of 1 to 1000 characters', isText, fallback),
    integer(field, min, max, fallback) {
      const within = (value: unknown): value is number =>
        Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      return take(field, `a whole number from ${min} to ${max}`, within, fallback)
    },
    boolean: (field, fallback) =>
      take(field, 'true or false', (value): value is boolean => typeof value === 'boolean', fallback),
    oneOf<const T extends string>(field: string, allowed: readonly T[], fallback?: T): T {
      const listed = (value: unknown): value is T => allowed.some((one) => one === value)
      return take(
        field,
        allowed.length > 1 ? `one of ${allowed.join(', ')}` : `${allowed[0]}`,
        listed,
        fallback,
      )
    },
    url(field, fallback) {
      return new URL(
        take(field, 'an http or https URL without user name, query and fragment', isUrl, fallback),
      )
    },
    target(field, egress) {
      const url = this.url(field)
      return egress.forbids(url.hostname)
        ? fail(field, 'must not be a special-purpose address; see --allowed-targets')
        : url
    },
    secret(field) {
      const isSecret = (value: unknown): value is string =>
        typeof value === 'string' && secretKey(value) !== undefined
      const text = take(field, 'whsec_ and 24 to 64 bytes in base64', isSecret)
      return { text, key: secretKey(text) as Buffer }
    },
    accounts(field) {
      read.add(field)
      const words = 'a list of 1 to 1000 ids of accounts (acct_…)'
      return Object.hasOwn(values, field) ? take(field, words, isAccounts) : null
    },
    has: (field) => Object.hasOwn(values, field),
    refuse: fail,
    end() {
      const unknown = Object.keys(values).find((field) => !read.has(field))
      if (unknown === undefined) return
      // The message names a known field. An unknown name may be a secret on the wrong side of its colon.
      const shown = /^[a-z][a-z_]{0,40}$/.test(unknown) ? unknown : 'a field'
      const known = [...read].filter((field) => field !== 'kind').join(', ')
      fail(shown, `is not a field of this kind, whose fields are ${known || 'none'}`)
    },
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 1000
}

function isUrl(value: unknown): value is string {
  const url = typeof value === 'string' ? httpUrl(value) : null
  return url !== null && url.username + url.password + url.search + url.hash === ''
}

function isAccounts(value: unknown): value is string[] {
  const isId = (one: unknown) => typeof one === 'string' && /^acct_[a-z0-9]{1,40}$/.test(one)
  return Array.isArray(value) && value.length > 0 && value.length <= 1000 && value.every(isId)
}
