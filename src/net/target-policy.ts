/**
 * The rule for webhook endpoints that callers of the API register. It is stricter than the rule for the operator's own
 * targets (`egress`), because such a caller must not reach what only this machine can reach. It allows public addresses,
 * and what the operator names.
 */
import { isIP } from 'node:net'
import { bareAddress, embeddedAddress, groupsOf, inList, networkList } from './addresses.ts'
import { type Egress, EMBEDDING, SPECIAL_IPV4, SPECIAL_IPV6 } from './egress.ts'

export type TargetPolicy = {
  /** The operator's exceptions, `--allowed-targets`. */
  readonly allowed: Pick<Egress, 'permits'>
  /** Whether targets may be on loopback, and may use plain http. */
  readonly local: boolean
  /** The allowed ports of other targets; null for every port. */
  readonly ports: ReadonlySet<number> | null
}

/** Why an address is forbidden; the end of the sentence "The address is …". */
export type AddressFault = 'loopback' | 'private' | 'of special purpose' | 'not an address'

const LOOPBACK = networkList(['127.0.0.0/8', '::1'])
/** RFC 1918, and RFC 4193. */
const PRIVATE = networkList(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'])
const SPECIAL = networkList([
  ...SPECIAL_IPV4,
  ...SPECIAL_IPV6,
  '192.31.196.0/24', // AS112, which answers for private networks
  '192.52.193.0/24', // multicast tunnels
  '192.175.48.0/24', // AS112
  '2620:4f:8000::/48', // AS112
])
const EMBEDDED = [
  ...EMBEDDING,
  { prefix: '64:ff9b:1::/96', group: 6 }, // translated within one network (RFC 8215), in its usual length
].map(({ prefix, group }) => ({ list: networkList([prefix]), group }))

/** Why the policy forbids an address; undefined if it allows it. */
export function addressFault(address: string, policy: TargetPolicy): AddressFault | undefined {
  const bare = bareAddress(address)
  const family = isIP(bare)
  if (family === 0) return 'not an address'
  const isPermitted = policy.allowed.permits(bare)
  if (inList(LOOPBACK, bare, family)) return policy.local || isPermitted ? undefined : 'loopback'
  const inside = family === 6 ? embeddedIn(bare) : undefined
  // An exception for an embedding network is none for what is behind it.
  if (inside !== undefined) return isPermitted ? addressFault(inside, policy) : 'of special purpose'
  if (isPermitted) return undefined
  if (inList(PRIVATE, bare, family)) return 'private'
  if (inList(SPECIAL, bare, family)) return 'of special purpose'
  return family === 6 && !isGlobalUnicast(bare) ? 'of special purpose' : undefined
}

export function isLoopbackAddress(address: string): boolean {
  const bare = bareAddress(address)
  const family = isIP(bare)
  return family !== 0 && inList(LOOPBACK, bare, family)
}

/** The IPv4 address that an IPv6 address embeds, if it has one of the known forms. */
function embeddedIn(bare: string): string | undefined {
  const found = EMBEDDED.find(({ list }) => inList(list, bare, 6))
  if (found) return embeddedAddress(bare, found.group)
  const groups = groupsOf(bare)
  if (groups[0] === 0x2001 && groups[1] === 0) return teredoClient(groups)
  return isIsatap(groups) ? embeddedAddress(bare, 6) : undefined
}

/** The client's address in an address of Teredo, with every bit inverted (RFC 4380, section 4). */
function teredoClient(groups: readonly number[]): string {
  const [high = 0, low = 0] = groups.slice(6).map((group) => group ^ 0xffff)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** RFC 5214, section 6.1: the interface is 0000:5efe or, with a global IPv4 address, 0200:5efe. */
function isIsatap(groups: readonly number[]): boolean {
  return groups[5] === 0x5efe && (groups[4] === 0 || groups[4] === 0x200)
}

/** The only part of IPv6 that IANA has given out for the internet: 2000::/3. */
function isGlobalUnicast(bare: string): boolean {
  return ((groupsOf(bare)[0] ?? 0) & 0xe000) === 0x2000
}
