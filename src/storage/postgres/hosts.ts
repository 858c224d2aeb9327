import type { ClientConfig } from 'pg'

/**
 * The servers that a URL names, each as the driver takes it: `postgres://user:password@one:5432,two:5433/db?…`.
 * The URL's parameters are libpq's (`sslmode`, `sslrootcert`, `application_name` and so on). Throws a sentence for
 * what is no such URL; it repeats nothing of it.
 */
export function hostsOf(url: string): ClientConfig[] {
  const parts = partsOf(url)
  if (!parts)
    throw new Error(
      'The database URL is not of the form postgres://user:password@host:port/database. ' +
        'Special characters in the user or the password are to be percent-encoded: / is %2F, @ is %40, % is %25.',
    )
  for (const name of new URLSearchParams(parts.query).keys())
    if (!PARAMETERS.includes(name))
      throw new Error(
        `The database URL has a parameter "${name}", which is none of ${PARAMETERS.join(', ')}.`,
      )
  return connectionStrings(parts).map((connectionString) => ({ connectionString }))
}

/** Those of libpq that the driver takes, or that may be left to it: a typo in one could take TLS away. */
const PARAMETERS: readonly string[] = [
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'channel_binding', 'uselibpqcompat'],
  ...['user', 'password', 'host', 'application_name', 'options', 'client_encoding', 'connect_timeout'],
  ...['target_session_attrs', 'gssencmode', 'keepalives', 'keepalives_idle'],
]

/** The URL for logs and messages: without its password, and without its parameters, which may hold one too. */
export function publicUrl(url: string): string {
  const parts = partsOf(url)
  // Where the password ends in a URL that can't be read, nobody knows.
  if (!parts) return 'postgres://…'
  const { scheme, user, hosts, path } = parts
  return `${scheme}://${user === undefined ? '' : `${user.replace(/:.*/s, '')}@`}${hosts}${path}`
}

type Parts = {
  readonly scheme: string
  readonly user: string | undefined
  readonly hosts: string
  readonly path: string
  readonly query: string
}

/** A raw @ stands before the hosts, or in a parameter: anywhere else it is a sign that the password was not encoded. */
const FORM =
  /^(?<scheme>postgres(?:ql)?):\/\/(?:(?<user>[^@/?#]*)@)?(?<hosts>[^@/?#]+)(?<path>\/[^@?#]*)?(?<query>\?(?:\w+=[^#]*)?)?$/

/** The parts of a URL; undefined for one that the driver could not read. */
function partsOf(url: string): Parts | undefined {
  const groups = FORM.exec(url)?.groups as { [Part in keyof Parts]: string | undefined } | undefined
  if (!groups) return undefined
  const { scheme = '', user, hosts = '', path = '', query = '' } = groups
  const parts = { scheme, user, hosts, path, query }
  return connectionStrings(parts).every(isReadable) ? parts : undefined
}

function connectionStrings({ user, hosts, path, query }: Parts): string[] {
  const before = user === undefined ? '' : `${user}@`
  return hosts.split(',').map((host) => `postgres://${before}${host}${path}${query}`)
}

function isReadable(connectionString: string): boolean {
  try {
    decodeURI(connectionString)
    return URL.canParse(connectionString)
  } catch {
    return false
  }
}
