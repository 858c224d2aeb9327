/** Written IP addresses, and lists of networks. */
import { BlockList, isIP } from 'node:net'

/** An address without the brackets of a URL and without the zone of a link; another text stays as it is. */
export function bareAddress(address: string): string {
  return address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
}

/** Networks of IPv4 and of IPv6, apart: one `BlockList` for both would take `::ffff:10.0.0.1` for 10.0.0.1. */
export type NetworkList = { readonly ipv4: BlockList; readonly ipv6: BlockList }

/** A list of addresses and networks such as `100.64.7.0/24`. Throws a `RangeError` that names one that is neither. */
export function networkList(networks: readonly string[]): NetworkList {
  const list = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const [address = '', bits, ...rest] = network.trim().split('/')
    const family = isIP(address)
    const longest = family === 4 ? 32 : 128
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (family === 0 || rest.length > 0 || !(prefix <= longest))
      throw new RangeError(`${network} is neither an address nor a network`)
    const name = family === 4 ? 'ipv4' : 'ipv6'
    list[name].addSubnet(address, prefix, name)
  }
  return list
}

/** Whether a list has this bare address, which is of family 4 or 6. */
export function inList(list: NetworkList, address: string, family: number): boolean {
  const name = family === 4 ? 'ipv4' : 'ipv6'
  return list[name].check(address, name)
}

/** The IPv4 address in two groups of an IPv6 one. */
export function embeddedAddress(address: string, group: number): string {
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(group, group + 2)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight groups of an IPv6 address, as the URL parser writes them: in hexadecimal, with at most one gap. */
export function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const numbers = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  const [start, end] = [numbers(head), numbers(tail ?? '')]
  return tail === undefined ? start : [...start, ...Array(8 - start.length - end.length).fill(0), ...end]
}
