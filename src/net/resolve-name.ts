/**
 * The addresses of receivers' names. The system's lookup occupies a thread while it waits for a name server, and the
 * process has two such threads: a few names whose server hangs would stop every other lookup, those of payment providers
 * included. So MiniPay asks name servers for these names itself, without a thread.
 */
import { type LookupAddress, promises, lookup as systemLookup } from 'node:dns'
import { readFile } from 'node:fs/promises'
import { isIP, type LookupFunction } from 'node:net'
import type { Egress } from './egress.ts'
import { addressFault, type TargetPolicy } from './target-policy.ts'

/** Every address of a name, IPv4 first; rejects with a sentence as its `code`. */
export type ResolveName = (name: string) => Promise<readonly LookupAddress[]>

export type ResolveOptions = {
  /** Name servers, such as `127.0.0.1:5300`; unless given, those of the system. */
  readonly servers?: readonly string[]
  /** How long a name server may take for one try, in ms, and how often it is asked. */
  readonly timeoutMs?: number
  readonly tries?: number
  /** `/etc/hosts` unless given. */
  readonly hostsFile?: string
}

/**
 * Reads the hosts file, and asks name servers for IPv4 and IPv6. A name that they do not have, and one without a dot, goes
 * to the system's lookup, which knows search domains: one at a time, so that it never occupies more than one thread.
 * Requests for one name at once share a result.
 */
export function createResolveName(options: ResolveOptions = {}): ResolveName {
  const { servers, timeoutMs = 2_000, tries = 2, hostsFile = '/etc/hosts' } = options
  const running = new Map<string, Promise<readonly LookupAddress[]>>()
  let resolver: promises.Resolver | undefined
  let turn: Promise<unknown> = Promise.resolve()

  function bySystem(name: string): Promise<LookupAddress[]> {
    const asked = turn.then(() => lookUp(name))
    turn = asked.catch(() => {})
    return asked
  }

  async function byServers(name: string): Promise<LookupAddress[]> {
    if (resolver === undefined) {
      resolver = new promises.Resolver({ timeout: timeoutMs, tries })
      if (servers) resolver.setServers(servers)
    }
    const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    const found = [...familyOf(four, 4), ...familyOf(six, 6)]
    if (found.length > 0) return found
    const failed = [four, six].map((result) => (result.status === 'rejected' ? codeOf(result.reason) : ''))
    const code = failed.find((code) => !NONE.has(code))
    if (code !== undefined && !WITHOUT_SERVER.has(code)) throw dnsError(code)
    return bySystem(name)
  }

  async function resolveName(name: string): Promise<readonly LookupAddress[]> {
    if (LOOPBACK_NAME.test(name)) return LOOPBACK
    const known = hostsIn(await readFile(hostsFile, 'utf8').catch(() => ''), name)
    if (known.length > 0) return known
    return name.includes('.') ? byServers(name) : bySystem(name)
  }

  return (name) => {
    const asked = running.get(name)
    if (asked) return asked
    const asking = resolveName(name).finally(() => running.delete(name))
    running.set(name, asking)
    return asking
  }
}

/** RFC 6761, section 6.3: it is loopback without a look-up. */
const LOOPBACK_NAME = /(?:^|\.)localhost$/
const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]
/** The name, or its addresses of one family, do not exist. */
const NONE = new Set(['ENOTFOUND', 'ENODATA', ''])
/** There is no name server to ask: the hosts file may still have the name. */
const WITHOUT_SERVER = new Set(['ECONNREFUSED'])

/** The addresses of a name in the text of a hosts file: lines of an address and its names. */
function hostsIn(text: string, name: string): LookupAddress[] {
  const found = text.split('\n').flatMap((line): LookupAddress[] => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    const isFound = names.some((other) => other.toLowerCase() === name)
    return isFound && isIP(address) ? [{ address, family: isIP(address) }] : []
  })
  return found.toSorted((one, other) => one.family - other.family)
}

function lookUp(name: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(name, { all: true, order: 'ipv4first' }, (error, found) =>
      error ? reject(dnsError(codeOf(error))) : resolve(found),
    )
  })
}

function familyOf(result: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] {
  return result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : []
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'failed'
}

function dnsError(code: string): Error {
  const words = NONE.has(code)
    ? 'no such name'
    : code === 'ETIMEOUT' || code === 'EAI_AGAIN'
      ? 'the name server did not respond'
      : `the name server reported ${code}`
  return Object.assign(new Error(words), { code: `DNS: ${words}` })
}

/** The addresses that may be connected to, of all that a name has. */
type Choose = (found: readonly LookupAddress[]) => readonly LookupAddress[]

/** All of them; none if the policy forbids any. */
export function allOrNone(policy: TargetPolicy): Choose {
  return (found) => (found.some(({ address }) => addressFault(address, policy) !== undefined) ? [] : found)
}

/** Those that the operator's rule allows. */
export function allowedOf({ forbids }: Pick<Egress, 'forbids'>): Choose {
  return (found) => found.filter(({ address }) => !forbids(address))
}

/** A lookup for sockets. It fails with `FORBIDDEN_ADDRESS` if none may be connected to. */
export function targetLookup(choose: Choose, resolveName: ResolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname).then(
      (found) => {
        const allowed = choose(found)
        if (allowed.length === 0) return callback(forbiddenAddress(hostname), '')
        const usable = allowed.filter(({ family }) => !options.family || options.family === family)
        const first = usable[0]
        if (first === undefined) return callback(dnsError('ENOTFOUND'), '')
        if (options.all) return callback(null, [...usable])
        callback(null, first.address, first.family)
      },
      (error: Error) => callback(error, ''),
    )
  }
}

export function forbiddenAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} is a forbidden address`), { code: 'FORBIDDEN_ADDRESS' })
}
