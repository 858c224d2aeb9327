/** The values of settings: each function reads one from its text, or throws a `ConfigError` without the setting's name. */
import { modeOfSecret } from './domain/access/key-secret.ts'
import { type Network, networkOf } from './domain/access/networks.ts'
import { createEgress, type Egress } from './net/egress.ts'
import { httpUrl } from './net/http-url.ts'
import { secretKey } from './signing.ts'
import { keysOf } from './vault/key-text.ts'

/** A setting that cannot be used; the message is a sentence for the person who starts the program. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export function integer(min: number, max: number) {
  return (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max))
      throw new ConfigError(`must be a whole number from ${min} to ${max}, not "${text}"`)
    return value
  }
}

export function nonEmpty(text: string): string {
  if (text === '') throw new ConfigError('must not be empty')
  return text
}

/** A text that stays as it is, unless there is something wrong with it. */
export function unless(problem: (text: string) => string | undefined) {
  return (text: string): string => {
    const wrong = problem(text)
    if (wrong !== undefined) throw new ConfigError(wrong)
    return text
  }
}

export function oneOf<const T extends string>(...allowed: T[]) {
  return (text: string): T => {
    const found = allowed.find((value) => value === text)
    if (found === undefined) throw new ConfigError(`must be one of ${allowed.join(', ')}, not "${text}"`)
    return found
  }
}

export function target(text: string): URL | null {
  if (text === '') return null
  const url = httpUrl(text)
  if (url === null)
    throw new ConfigError(
      'must be an http or https URL, such as https://shop.example/webhooks, or empty for no webhooks',
    )
  if (url.username || url.password) throw new ConfigError('must not hold a user name or password')
  return url
}

/** Where MiniPay may connect to, with an operator's exceptions. */
export function egress(text: string): Egress {
  try {
    return createEgress(text.split(',').filter((part) => part.trim() !== ''))
  } catch (error) {
    throw new ConfigError(`must be addresses and networks, separated by commas: ${(error as Error).message}`)
  }
}

/** TCP ports, separated by commas; null for every port. */
export function ports(text: string): ReadonlySet<number> | null {
  if (text === 'any') return null
  const written = text.split(',').map((part) => part.trim())
  const wrong = written.find((part) => !/^\d{1,5}$/.test(part) || Number(part) < 1 || Number(part) > 65_535)
  if (wrong !== undefined)
    throw new ConfigError(`must be ports from 1 to 65535, separated by commas, or any, not "${text}"`)
  return new Set(written.map(Number))
}

/** Addresses and networks, separated by commas. */
export function networks(text: string): readonly Network[] {
  const written = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  return written.map((part) => {
    const network = networkOf(part)
    if (network === undefined)
      throw new ConfigError(`must be addresses and networks, separated by commas: "${part}" is neither`)
    return network
  })
}

/** The key of a Standard Webhooks secret. */
export function secret(text: string): Buffer | null {
  if (text === '') return null
  const key = secretKey(text)
  if (key === undefined)
    throw new ConfigError(
      'must be whsec_ and 24 to 64 bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"',
    )
  return key
}

/** The same with its text. */
export function secretWithText(text: string): { readonly text: string; readonly key: Buffer } | null {
  const key = secret(text)
  return key && { text, key }
}

/** The keys of the vault, the sealing one first. The message repeats nothing of them. */
export function secretsKeys(text: string): readonly Buffer[] {
  const keys = keysOf(text)
  if (keys === undefined)
    throw new ConfigError(
      'must be 32 bytes in base64, or several separated by commas; make one with: minipay secrets new-key',
    )
  return keys
}

export function server(text: string): URL {
  const url = httpUrl(text)
  if (url === null) throw new ConfigError('must be an http or https URL, such as http://127.0.0.1:8080')
  return url
}

/** The secret of an API key; null for none. The message repeats nothing of it. */
export function apiKey(text: string): string | null {
  if (text === '') return null
  if (!/^mp_(test|live)_[0-9A-Za-z]{39}$/.test(text))
    throw new ConfigError('must be an API key: mp_test_ or mp_live_ and 39 letters and digits')
  if (modeOfSecret(text) === undefined)
    throw new ConfigError('must be an API key, and this one has a typing error: its checksum does not fit')
  return text
}

/** Origins of web pages, or every origin. */
export function origins(text: string): ReadonlySet<string> | 'every' {
  const written = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (written.includes('*')) return 'every'
  for (const origin of written)
    if (httpUrl(origin)?.origin !== origin)
      throw new ConfigError(
        `must be origins such as https://shop.example, separated by commas, or *, not "${origin}"`,
      )
  return new Set(written)
}

/** An origin; null for none. */
export function origin(text: string): string | null {
  if (text === '') return null
  const written = text.replace(/\/$/, '')
  if (httpUrl(written)?.origin === written) return written
  throw new ConfigError('must be an http or https address without a path, such as https://pay.example.com')
}

export function yesOrNo(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new ConfigError(`must be true or false, not "${text}"`)
  return text === 'true'
}
