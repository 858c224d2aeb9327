/** Log lines at the start about settings that open more networks than anyone should want. */
import { type Network, textOfNetwork } from './domain/access/networks.ts'
import type { Log } from './ports/log.ts'

/** A network with so few common bits is an eighth of all addresses, or more. */
const FEW_BITS = 3
/** Where clouds serve the credentials of machines: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html */
const METADATA = ['169.254.169.254', 'fd00:ec2::254']

export type OpenNetworks = {
  readonly trustedProxies: readonly Network[]
  readonly allowedTargets: { forbids(address: string): boolean }
  readonly localTargets: 'always' | 'never' | 'loopback'
}

/**
 * Warns of proxies that are the whole internet, of targets with the credentials of machines, and, unless it serves
 * this machine alone, of webhooks to the services of this machine.
 */
export function warnOfOpenNetworks(
  log: Log,
  { trustedProxies, allowedTargets, localTargets }: OpenNetworks,
  isLocal: boolean,
): void {
  const wide = trustedProxies.map(textOfNetwork).filter((text) => Number(text.split('/')[1]) <= FEW_BITS)
  if (wide.length > 0)
    log.warn(
      { networks: wide },
      'INSECURE: any client can choose the address that MiniPay checks and logs, because --trusted-proxies names so many addresses. Name your proxies only.',
    )
  const open = METADATA.filter((address) => !allowedTargets.forbids(address))
  if (open.length > 0)
    log.warn(
      { addresses: open },
      'INSECURE: webhooks and provider calls can reach addresses where clouds serve the credentials of machines, because of --allowed-targets.',
    )
  if (localTargets === 'always' && !isLocal)
    log.warn(
      {},
      'INSECURE: everyone with a key that may write webhooks can reach the services of this machine, because of --local-targets always.',
    )
}
