/** How a database is named: by the path of a file, or by the URL of a PostgreSQL server. Nothing is opened here. */
import { statSync } from 'node:fs'

export function isPostgres(database: string): boolean {
  return /^postgres(ql)?:\/\//.test(database)
}

/** The form that every refusal shows. */
export const URL_FORM = 'postgres://user:password@host:port/database'

const A_FILE = 'must be the path of a file'
const A_DATABASE = `${A_FILE}, or a postgres:// URL`

/** Control characters: a line's end at the end of a variable, or what a terminal would act on. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u

/**
 * Why a text names neither a file nor a PostgreSQL server, to be put behind the name of its setting; undefined when it
 * names one. It repeats nothing of the text, which may hold a password.
 */
export function databaseProblem(text: string): string | undefined {
  return isPostgres(text) ? urlProblem(text) : nameProblem(text, true)
}

/** The same for what must be a file. */
export function fileProblem(text: string): string | undefined {
  return isPostgres(text) ? `${A_FILE}, not a postgres:// URL` : nameProblem(text, false)
}

/** The same for what must be the URL of a PostgreSQL server. */
export function urlProblem(text: string): string | undefined {
  if (!isPostgres(text)) return `must be a postgres:// URL, of the form ${URL_FORM}`
  const parts = partsOf(text)
  if (!parts)
    return (
      `must be of the form ${URL_FORM}, with ports from 1 to 65535. ` +
      'Special characters in the user or the password must be percent-encoded: / is %2F, @ is %40, % is %25'
    )
  return parameterProblem(new URLSearchParams(parts.query))
}

/** SQLite would make a file of each of these names: what was meant is a server, or a form of another program. */
function nameProblem(text: string, takesUrl: boolean): string | undefined {
  const wanted = takesUrl ? A_DATABASE : A_FILE
  if (text.trim() === '') return wanted
  if (CONTROL.test(text)) return 'must not contain control characters, such as a line break'
  if (text !== text.trim()) return 'must not begin or end with a blank'
  if (/^["'`]/.test(text)) return 'must not begin with a quotation mark, which would be a part of the name'
  if (takesUrl && /^postgres(ql)?:\/\//i.test(text)) return 'must begin with postgres:// in lower case'
  const url = takesUrl ? `; a server is written ${URL_FORM}` : ''
  if (/^[\w -]+=/.test(text)) return `${wanted}, and not key=value${url}. ${asFile('=')}`
  if (SERVERS.some((form) => form.test(text))) return `${wanted}${url}. ${asFile(':, @ or //')}`
  if (/[/\\]$/.test(text)) return `${A_FILE}, and this is the name of a folder`
  return placeProblem(text)
}

/** How a file is named whose name looks like something else. */
const asFile = (signs: string) => `Put ./ before the name of a file that contains ${signs}`

/** A scheme, a host with a port, a user before a host; and a scheme whose colon was forgotten. */
const SERVERS: readonly RegExp[] = [
  /^[\w.+-]{2,}:/,
  /^:/,
  /^\[[\da-f:.]+\]/i,
  /^[^/\\]*@/,
  /^\/\/[^/]/,
  /^(postgres\w*|pgsql|psql|mysql|mariadb|sqlite\d?|jdbc|https?|file)\W{0,2}\/\//i,
]

function placeProblem(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found?.isDirectory()) return `${A_FILE}, and ${path} is a folder`
    if (found && !found.isFile()) return `${A_FILE}, and ${path} is none`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG')
      return `${A_FILE}, and this is too long for one`
    // Whether it can be opened is seen when it is.
  }
  return undefined
}

export type UrlParts = {
  readonly scheme: string
  readonly user: string | undefined
  /** As the URL has them, separated by commas; empty where the parameter `host` names one. */
  readonly hosts: string
  readonly path: string
  readonly query: string
}

/** A raw @ stands before the hosts, or in a parameter: anywhere else it is a sign that the password was not encoded. */
const FORM =
  /^(?<scheme>postgres(?:ql)?):\/\/(?:(?<user>[^@/?#]*)@)?(?<hosts>[^@/?#]*)(?<path>\/[^@?#]*)?(?<query>\?(?:\w+=[^#]*)?)?$/

/** The parts of a URL; undefined for one that the driver could not read. */
export function partsOf(url: string): UrlParts | undefined {
  const groups = FORM.exec(url)?.groups as { [Part in keyof UrlParts]: string | undefined } | undefined
  if (!groups) return undefined
  const { scheme = '', user, hosts = '', path = '', query = '' } = groups
  const parts = { scheme, user, hosts, path, query }
  return connectionStrings(parts).every(isReadable) ? parts : undefined
}

/** A URL for each host. Where the parameter `host` names it, the URL has another, which the driver needs and passes over. */
export function connectionStrings({ user, hosts, path, query }: UrlParts): string[] {
  const before = user === undefined ? '' : `${user}@`
  return hosts.split(',').map((host) => {
    const placed = /^(:|$)/.test(host) && hostIn(query) ? `localhost${host}` : host
    return `postgres://${before}${placed}${path}${query}`
  })
}

const hostIn = (query: string) => new URLSearchParams(query).get('host')

/** An address in brackets, a name, or the folder of a socket with each / as %2F; and a port. */
const ENDPOINT = /^postgres:\/\/(?:[^@]*@)?(?<host>\[[^\]]*\]|[^:/?]*)(?::(?<port>\d{1,5})?)?(?:[/?]|$)/

/** The servers of a URL for messages, each as `host:port` or the path of its socket. Only for one that can be read. */
export function serversOf(url: string): string[] {
  const parts = partsOf(url)
  if (!parts) return []
  const parameters = new URLSearchParams(parts.query)
  const given = parameters.get('host')
  return connectionStrings(parts).map((each) => {
    const { host = '', port: own = '' } = ENDPOINT.exec(each)?.groups ?? {}
    const port = parameters.get('port') ?? own
    const name = given ?? decodeURIComponent(host)
    return name.startsWith('/') ? `${name}/.s.PGSQL.${port || 5432}` : `${name}:${port || 5432}`
  })
}

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535

function isReadable(connectionString: string): boolean {
  const { host = '', port } = ENDPOINT.exec(connectionString)?.groups ?? {}
  if (port !== undefined && !isPort(port)) return false
  if (host === '') return false
  try {
    return !CONTROL.test(decodeURIComponent(connectionString)) && URL.canParse(connectionString)
  } catch {
    return false
  }
}

/** Those of libpq that the driver takes, or that may be left to it: a typo in one could take TLS away. */
const PARAMETERS: readonly string[] = [
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation', 'channel_binding', 'uselibpqcompat'],
  ...[
    'user',
    'password',
    'host',
    'port',
    'application_name',
    'options',
    'client_encoding',
    'connect_timeout',
  ],
  ...['target_session_attrs', 'gssencmode', 'keepalives', 'keepalives_idle'],
]
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const FILES = ['sslrootcert', 'sslcert', 'sslkey']

function parameterProblem(parameters: URLSearchParams): string | undefined {
  for (const [name, value] of parameters) {
    if (!PARAMETERS.includes(name))
      return `has a parameter "${name}", which is none of ${PARAMETERS.join(', ')}`
    if (name === 'sslmode' && !SSL_MODES.includes(value))
      return `has an sslmode that is none of ${SSL_MODES.join(', ')}`
    if (name === 'sslnegotiation' && value !== 'postgres' && value !== 'direct')
      return 'has an sslnegotiation that is neither postgres nor direct'
    if (name === 'client_encoding' && !/^utf-?8$/i.test(value))
      return 'has a client_encoding that is not UTF8'
    if (name === 'port' && !isPort(value)) return 'has a port that is not from 1 to 65535'
    if (name === 'host' && value.includes(','))
      return `has several hosts in its parameter "host"; name them before the database: postgres://one:5432,two:5432/database`
    if (FILES.includes(name) && !isFile(value)) return `has a file in ${name} that does not exist`
  }
  return undefined
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The URL for logs and messages: without its password, and without its parameters, which may hold one too. */
export function publicUrl(url: string): string {
  const parts = partsOf(url)
  // In a URL that can't be parsed, the end of the password is unknown.
  if (!parts) return 'postgres://…'
  const { scheme, user, hosts, path, query } = parts
  const shown = /^(:|$)/.test(hosts) ? `${encodeURIComponent(hostIn(query) ?? '')}${hosts}` : hosts
  return `${scheme}://${user === undefined ? '' : `${user.replace(/:.*/s, '')}@`}${shown}${path}`
}

/** The database's name for logs and messages: without a password. */
export function publicName(database: string): string {
  return isPostgres(database) ? publicUrl(database) : database
}
