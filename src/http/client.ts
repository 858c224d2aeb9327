/** Where a request comes from: the client's own address, also when a proxy passes the request on. */
import type { IncomingMessage } from 'node:http'
import { addressOf, includes, type Network } from '../domain/access/networks.ts'

export type Client = {
  /** The IP address, an IPv4 one always in the form of IPv4; empty if the connection is already closed. */
  readonly address: string
  /** A trusted proxy received the request by https. */
  readonly secure: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before anything else is done with the request. */
    client: Client
  }
}

/** The most proxies that one request passes. */
const MAX_PROXIES = 16
const BITS = 128
/** An entry of X-Forwarded-For, of which some proxies also write the port. */
const ENTRY = /^\s*(?:\[([\da-f:.]+)\](?::\d+)?|([\d.]+)(?::\d+)?|([\da-f:.]+))\s*$/i

/**
 * Finds the client of a request. Only trusted proxies may say for whom they ask: MiniPay reads `X-Forwarded-For` from its
 * right end, where the nearest proxy added its client, and takes the first address that is no trusted proxy. The
 * client itself may have written the entries to the left of it.
 */
export function clientFinder(trusted: readonly Network[]): (request: IncomingMessage) => Client {
  if (trusted.length === 0) return ({ socket }) => ({ address: plain(socket.remoteAddress), secure: false })
  const isTrusted = (address: string) => {
    const first = addressOf(address)
    return first !== undefined && trusted.some((network) => includes(network, { first, bits: BITS }))
  }
  return ({ socket, headers }) => {
    const peer = plain(socket.remoteAddress)
    if (!isTrusted(peer)) return { address: peer, secure: false }
    const { 'x-forwarded-for': forwarded, 'x-forwarded-proto': protocol } = headers
    return {
      address: typeof forwarded === 'string' ? farthest(peer, forwarded, isTrusted) : peer,
      secure: typeof protocol === 'string' && /(?:^|,)\s*https\s*$/i.test(protocol),
    }
  }
}

/** The first address from the right that is not trusted; the last one before an entry that is no address. */
function farthest(peer: string, forwarded: string, isTrusted: (address: string) => boolean): string {
  const entries = forwarded.split(',').slice(-MAX_PROXIES).reverse()
  let address = peer
  for (const entry of entries) {
    const [, bracketed, ipv4, ipv6] = ENTRY.exec(entry) ?? []
    const next = bracketed ?? ipv4 ?? ipv6
    if (next === undefined || addressOf(next) === undefined) return address
    address = plain(next)
    if (!isTrusted(address)) return address
  }
  return address
}

/** Without the prefix that IPv4 addresses have on a socket of IPv6. */
function plain(address = ''): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address.toLowerCase()
}
