import { readFileSync } from 'node:fs'
import { createEgress } from '../net/egress.ts'
import { httpUrl } from '../net/http-url.ts'
import type { Provider } from '../ports/provider.ts'
import { type Create, type Fields, fieldsOf, type Outside, ProviderConfigError } from './fields.ts'
import { KINDS } from './index.ts'
import { createSandbox } from './sandbox.ts'

/** The word that replaces a file: the in-process sandbox alone, on purpose. */
export const SANDBOX = 'sandbox'

/** The banks of a database that `minipay demo` filled. */
export const DEMO_BANKS = ['bank_north', 'bank_south'] as const
export const DEMO_PROVIDERS = Object.fromEntries(DEMO_BANKS.map((name) => [name, { kind: 'demo' }]))

/** The path of a JSON file, or the object that such a file holds. Empty or `sandbox`: only the in-process sandbox. */
export type ProvidersSource = string | Readonly<Record<string, unknown>>

/** A provider, and the public ids of the accounts that it serves; null: every account. */
export type Configured = { readonly provider: Provider; readonly accounts: readonly string[] | null }

/**
 * The configured providers, in the order of the file or object. In a file, `${NAME}` is replaced by a variable of `env`.
 * Throws a `ProviderConfigError`: a sentence that names the file, the provider and the field, and no value.
 * Providers make and check their signatures by the time of `outside`.
 */
export async function loadProviders(
  source: ProvidersSource,
  env: Readonly<Record<string, string | undefined>>,
  outside: Outside = { now: Date.now, egress: createEgress() },
  kinds: Readonly<Record<string, Create>> = KINDS,
): Promise<Configured[]> {
  if (source === '' || source === SANDBOX) return [{ provider: createSandbox('sandbox'), accounts: null }]
  const isFile = typeof source === 'string'
  const file = isFile ? source : 'providers'
  const entries = Object.entries(objectOf(file, isFile ? parse(source) : source))
  if (entries.length === 0) throw new ProviderConfigError(`${file}: it names no provider.`)
  const providers: Configured[] = []
  for (const [name, value] of entries) {
    if (!/^[a-z][a-z0-9_]{0,31}$/.test(name))
      throw new ProviderConfigError(
        `${file}: a provider's name must be 1 to 32 of a-z, 0-9 and _, and begin with a letter.`,
      )
    const where = `${file}: ${name}`
    const settings = objectOf(where, value)
    const kind = Object.hasOwn(settings, 'kind') ? settings['kind'] : undefined
    const create = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (!create)
      throw new ProviderConfigError(`${where}: kind must be one of ${Object.keys(kinds).join(', ')}.`)
    const values = isFile ? filled(where, settings, env) : settings
    const fields = fieldsOf(where, values)
    const accounts = fields.accounts('accounts')
    const paymentUrl = paymentUrlOf(fields)
    const made = await create(name, fields, outside)
    providers.push({ provider: paymentUrl === null ? made : { ...made, paymentUrl }, accounts })
  }
  return providers
}

const PLACE = '{reference}'

/** The page of a payment at the provider. A reference must not change the address that a person is sent to. */
function paymentUrlOf(fields: Fields): string | null {
  if (!fields.has('payment_url')) return null
  const text = fields.text('payment_url')
  const [one, other] = ['a', 'b'].map((reference) => httpUrl(text.replaceAll(PLACE, reference)))
  if (
    one &&
    other &&
    one.origin === other.origin &&
    one.username + one.password === '' &&
    one.href !== other.href
  )
    return text
  return fields.refuse(
    'payment_url',
    `must be an http or https URL without user name, and with ${PLACE} after its host`,
  )
}

function objectOf(where: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProviderConfigError(`${where}: it must be a JSON object.`)
  return value as Record<string, unknown>
}

function parse(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ProviderConfigError(
      code === 'ENOENT' ? `There is no file ${file}. Check --providers.` : `${file} can't be read (${code}).`,
    )
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // The parser's own message would quote the file, and with it a secret.
    const [, line, column] = /\(line (\d+) column (\d+)\)$/.exec((error as Error).message) ?? []
    throw new ProviderConfigError(
      `${file} is not valid JSON${line ? `: see line ${line}, column ${column}` : ''}.`,
    )
  }
  const twice = repeatedName(text)
  if (twice !== undefined) throw new ProviderConfigError(`${file}: "${twice}" is defined twice.`)
  return value
}

/** The first name that an object in a valid JSON text has twice; `JSON.parse` would keep the last. */
function repeatedName(text: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/gs)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const name: string = JSON.parse(string)
      const names = open.at(-1)
      if (names?.has(name)) return name.slice(0, 40)
      names?.add(name)
    }
  }
  return undefined
}

type Values = Readonly<Record<string, unknown>>

function filled(where: string, settings: Values, env: Readonly<Record<string, string | undefined>>): Values {
  return Object.fromEntries(
    Object.entries(settings).map(([field, text]) => [field, fill(where, field, text, env)]),
  )
}

/** A text with each `${NAME}` replaced by that environment variable; anything else as it is. */
function fill(
  where: string,
  field: string,
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  if (typeof value !== 'string') return value
  if (/^\$\w+$/.test(value))
    throw new ProviderConfigError(
      `${where}: ${field} must have braces around an environment variable: \${NAME}.`,
    )
  return value.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new ProviderConfigError(`${where}: ${field} holds a \${…} that names no environment variable.`)
    const found = env[name]
    if (found === undefined)
      throw new ProviderConfigError(
        `${where}: ${field} needs the environment variable ${name}, which is not set.`,
      )
    return found
  })
}
