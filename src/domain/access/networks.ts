/**
 * Ranges of IP addresses (CIDR, RFC 4632 and RFC 4291). An IPv4 address and its IPv4-mapped IPv6 form (::ffff:0:0/96)
 * are one address here: which of them a socket reports depends on how the server listens.
 */

/** The first address of a range as a number of 128 bits, and how many bits all its addresses share. */
export type Network = { readonly first: bigint; readonly bits: number }

const BITS = 128
const MAPPED = 0xffffn << 32n
const MAPPED_BITS = 96

/** The number of an address in text; undefined for any other text. A zone (`fe80::1%eth0`) is left out. */
export function addressOf(text: string): bigint | undefined {
  const address = text.replace(/%.*$/s, '')
  return address.includes(':') ? ipv6(address) : ipv4(address)
}

/** The network of a text such as `10.0.0.0/8`, `2001:db8::/32` or one address; undefined for any other text. */
export function networkOf(text: string): Network | undefined {
  const [address = '', length, ...more] = text.split('/')
  if (more.length > 0 || address.includes('%')) return undefined
  const number = addressOf(address)
  if (number === undefined) return undefined
  const before = address.includes(':') ? 0 : MAPPED_BITS
  if (length === undefined) return { first: number, bits: BITS }
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || before + Number(length) > BITS) return undefined
  const bits = before + Number(length)
  const first = firstOf(number, bits)
  // An address with bits after the prefix is more often an error in the prefix than a way to write the range.
  return first === number ? { first, bits } : undefined
}

/** A network as text that `networkOf` reads. */
export function textOfNetwork({ first, bits }: Network): string {
  const part = (shift: number, mask: bigint) => (first >> BigInt(shift)) & mask
  if (bits >= MAPPED_BITS && first >> 32n === 0xffffn)
    return `${[24, 16, 8, 0].map((shift) => part(shift, 0xffn)).join('.')}/${bits - MAPPED_BITS}`
  const groups = [112, 96, 80, 64, 48, 32, 16, 0].map((shift) => part(shift, 0xffffn).toString(16))
  return `${groups.join(':')}/${bits}`
}

/** Whether every address of `inner` is one of `outer`. */
export function includes(outer: Network, inner: Network): boolean {
  return inner.bits >= outer.bits && firstOf(inner.first, outer.bits) === outer.first
}

/** The networks of texts that `networkOf` reads; a text that it does not read is no network. */
export function networksOf(texts: readonly string[]): Network[] {
  return texts.flatMap((text) => networkOf(text) ?? [])
}

/** Whether the address is in one of the networks. False for a text that is no address. */
export function isWithin(networks: readonly Network[], address: string): boolean {
  const number = addressOf(address)
  return number !== undefined && networks.some(({ first, bits }) => firstOf(number, bits) === first)
}

function firstOf(number: bigint, bits: number): bigint {
  const rest = BigInt(BITS - bits)
  return (number >> rest) << rest
}

/** Four numbers without leading zeros, which some programs read as octal. */
function ipv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined
  return parts.reduce((number, part) => (number << 8n) | BigInt(part), 0n) | MAPPED
}

function ipv6(text: string): bigint | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted) {
    const tail = ipv4(dotted[2] as string)
    if (tail === undefined) return undefined
    const [high, low] = [(tail >> 16n) & 0xffffn, tail & 0xffffn]
    return ipv6(`${dotted[1]}${high.toString(16)}:${low.toString(16)}`)
  }
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [...before, ...Array<string>(missing).fill('0'), ...after]
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return all.reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n)
}

const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
