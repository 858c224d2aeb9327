import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type AddressInfo, BlockList, createServer, isIPv6 } from 'node:net'

/** The addresses of a server. */
export type Listening = {
  /** A URL that can be opened on this machine, such as http://127.0.0.1:8080. */
  readonly url: string
  /** Every address that is bound, such as 0.0.0.0:8080 and [::1]:8080. */
  readonly bound: readonly string[]
  /** Each of them is an address of loopback. */
  readonly onLoopback: boolean
}

/** The same from the addresses of its sockets. An unspecified address, such as 0.0.0.0, is reached at loopback. */
export function listeningOn(addresses: readonly AddressInfo[]): Listening {
  const [first] = addresses
  return {
    url: first ? `http://${withPort(reachable(first.address), first.port)}` : '',
    bound: addresses.map(({ address, port }) => withPort(address, port)),
    onLoopback: addresses.every(({ address }) => isLoopbackAddress(address)),
  }
}

/** Rejects as a server's `listen` would, such as with EADDRINUSE, if nothing can listen there now. */
export async function assertFree(host: string, port: number): Promise<void> {
  const probe = createServer().listen({ host, port })
  await once(probe, 'listening')
  probe.close()
  await once(probe, 'close')
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether a server on this host, a name or an address, can be reached from this machine alone. */
export async function isLoopback(host: string): Promise<boolean> {
  const addresses = await lookup(host, { all: true }).catch(() => [])
  return addresses.length > 0 && addresses.every(({ address }) => isLoopbackAddress(address))
}

function isLoopbackAddress(address: string): boolean {
  return LOOPBACK.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

function withPort(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`
}
