/** Log lines at the start about environment variables. */
import type { Log } from '../ports/log.ts'

/** An operator who sets it expects MiniPay to use it. */
export function warnOfProxy(log: Log, env: NodeJS.ProcessEnv): void {
  const set = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].filter(
    (name) => env[name] ?? env[name.toLowerCase()],
  )
  if (set.length > 0)
    log.warn(
      { variables: set },
      'MiniPay uses no HTTP proxy: it connects to providers and webhook receivers directly.',
    )
}

/** An operator who misspells a setting would otherwise see its default in use, without a word. */
export function warnOfMisspeltVariables(
  log: Log,
  found: readonly { variable: string; meant: string }[],
): void {
  for (const { variable, meant } of found)
    log.warn({ variable, meant }, 'MiniPay ignores this variable, which looks like a misspelt setting.')
}

/**
 * Names variables that look like settings: Kubernetes and Docker set them for a service or container named minipay.
 */
export function logLinkVariables(log: Log, variables: readonly string[]): void {
  if (variables.length > 0)
    log.info(
      { variables },
      'MiniPay ignores these variables: Kubernetes or Docker set them for a service or container of that name.',
    )
}
