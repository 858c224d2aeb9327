/**
 * The addresses that MiniPay may connect to. It refuses special-purpose addresses (IANA's registries, RFC 6890 and
 * its successors): link-local addresses, where clouds serve the credentials of machines, and addresses that no host
 * has of its own. It allows loopback and private networks, because an operator's own receivers and processors are
 * there.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

export type Egress = {
  /** True for a written IP address that MiniPay must not connect to; false for a host name. */
  forbids(address: string): boolean
  /** The system's lookup without such addresses: it checks a name at each connection. */
  readonly lookup: LookupFunction
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and clouds' services for their own machines. */
const IPV4: readonly string[] = [
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
const IPV6: readonly string[] = [
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
const EMBEDDING: readonly { readonly prefix: string; readonly group: number }[] = [
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
  const special = listOf([...IPV4, ...IPV6])
  const exceptions = listOf(allowed)
  const embedding = EMBEDDING.map(({ prefix, group }) => ({ list: listOf([prefix]), group }))

  function forbids(address: string): boolean {
    const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
    const family = isIP(bare)
    if (family === 0 || has(exceptions, bare, family)) return false
    if (has(special, bare, family)) return true
    if (family === 4 || bare === '::1') return false
    const found = embedding.find(({ list }) => has(list, bare, 6))
    return found !== undefined && forbids(embedded(bare, found.group))
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
  return { forbids, lookup }
}

function forbidden(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} is a forbidden address`), { code: 'FORBIDDEN_ADDRESS' })
}

/**
 * IPv4 is checked as IPv4 only: a `BlockList` treats a mapped address as the one it embeds, but none of the others.
 */
function has(list: BlockList, address: string, family: number): boolean {
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits, ...rest] = network.trim().split('/')
    const family = isIP(address)
    const longest = family === 4 ? 32 : 128
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (family === 0 || rest.length > 0 || !(prefix <= longest))
      throw new RangeError(`${network} is neither an address nor a network`)
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/** The IPv4 address in two groups of an IPv6 one. */
function embedded(address: string, group: number): string {
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(group, group + 2)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight groups of an IPv6 address, as the URL parser writes them: in hexadecimal, with at most one gap. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const numbers = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  const [start, end] = [numbers(head), numbers(tail ?? '')]
  return tail === undefined ? start : [...start, ...Array(8 - start.length - end.length).fill(0), ...end]
}
