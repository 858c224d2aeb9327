/**
 * The addresses that MiniPay may connect to. It refuses special-purpose addresses (IANA's registries, RFC 6890 and
 * its successors): link-local addresses, where clouds serve the credentials of machines, and addresses that no host
 * has of its own. It allows loopback and private networks, because an operator's own receivers and processors are
 * there.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { bareAddress, embeddedAddress, inList, networkList } from './addresses.ts'

export type Egress = {
  /** The operator's exceptions. */
  readonly allowed: readonly string[]
  /** True for a written IP address that MiniPay must not connect to; false for a host name. */
  forbids(address: string): boolean
  /** True for a written IP address that the operator has named as an exception. */
  permits(address: string): boolean
  /** The system's lookup without such addresses: it checks a name at each connection. */
  readonly lookup: LookupFunction
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and clouds' services for their own machines. */
export const SPECIAL_IPV4: readonly string[] = [
  '0.0.0.0/8', // this network
  '100.64.0.0/10', // carriers' shared addresses; Alibaba's metadata is 100.100.100.200
  '168.63.129.16/32', // Azure's platform
  '169.254.0.0/16', // link-local: the metadata of most clouds
  '192.0.0.0/24', // IETF protocols; Oracle's metadata is 192.0.0.192
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]

/** https://www.iana.org/assignments/iana-ipv6-special-registry, and clouds' services for their own machines. */
export const SPECIAL_IPV6: readonly string[] = [
  '::/128', // unspecified
  '64:ff9b:1::/48', // translation within one network: whose addresses it embeds is that network's secret
  '100::/64', // discard
  '100:0:0:1::/64', // dummy prefix
  '2001::/23', // IETF protocols, Teredo among them
  '2001:db8::/32', // documentation
  '3fff::/20', // documentation
  '5f00::/16', // segment routing
  'fd00:ec2::254/128', // metadata of AWS
  'fd20:ce::254/128', // metadata of Google
  'fd00:42::42/128', // metadata of Scaleway
  'fe80::/10', // link-local
  'fec0::/10', // site-local
  'ff00::/8', // multicast
]

/** Prefixes of IPv6 that embed an address of IPv4, and the group of 16 bits with which that begins. */
export const EMBEDDING: readonly { readonly prefix: string; readonly group: number }[] = [
  { prefix: '::ffff:0:0/96', group: 6 }, // mapped
  { prefix: '::ffff:0:0:0/96', group: 6 }, // translated (SIIT, RFC 2765)
  { prefix: '64:ff9b::/96', group: 6 }, // translated (NAT64, RFC 6052)
  { prefix: '2002::/16', group: 1 }, // 6to4
  { prefix: '::/96', group: 6 }, // compatible (deprecated)
]

/**
 * The rule with an operator's exceptions: addresses or networks such as `100.64.7.0/24`. Throws a `RangeError` that names
 * one that is neither.
 */
export function createEgress(allowed: readonly string[] = []): Egress {
  const special = networkList([...SPECIAL_IPV4, ...SPECIAL_IPV6])
  const exceptions = networkList(allowed)
  const embedding = EMBEDDING.map(({ prefix, group }) => ({ list: networkList([prefix]), group }))

  function permits(address: string): boolean {
    const bare = bareAddress(address)
    const family = isIP(bare)
    return family !== 0 && inList(exceptions, bare, family)
  }

  function forbids(address: string): boolean {
    const bare = bareAddress(address)
    const family = isIP(bare)
    if (family === 0 || inList(exceptions, bare, family)) return false
    if (inList(special, bare, family)) return true
    if (family === 4 || bare === '::1') return false
    const found = embedding.find(({ list }) => inList(list, bare, 6))
    return found !== undefined && forbids(embeddedAddress(bare, found.group))
  }

  const lookup: LookupFunction = (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const open = found.filter(({ address }: LookupAddress) => !forbids(address))
      const first = open[0]
      if (!first) return callback(forbidden(hostname), '')
      if (options.all) return callback(null, open)
      callback(null, first.address, first.family)
    })
  }
  return { allowed, forbids, permits, lookup }
}

function forbidden(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} is a forbidden address`), { code: 'FORBIDDEN_ADDRESS' })
}
