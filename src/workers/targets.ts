import { BlockList, isIP } from 'node:net'

/**
 * Addresses that no webhook may go to: link-local ones, where clouds serve their instances' credentials,
 * and those that are no one host's. Loopback and private networks are where receivers of one's own live.
 */
const FORBIDDEN = new BlockList()
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4')
FORBIDDEN.addSubnet('0.0.0.0', 8, 'ipv4')
FORBIDDEN.addSubnet('224.0.0.0', 4, 'ipv4')
FORBIDDEN.addAddress('255.255.255.255', 'ipv4')
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6')
FORBIDDEN.addSubnet('ff00::', 8, 'ipv6')
FORBIDDEN.addAddress('::', 'ipv6')
FORBIDDEN.addAddress('fd00:ec2::254', 'ipv6')

/** True for an IP address literal that no webhook may go to; false for host names, which are checked once resolved. */
export function forbiddenAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && FORBIDDEN.check(address, family === 6 ? 'ipv6' : 'ipv4')
}
