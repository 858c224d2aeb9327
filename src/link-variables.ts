/**
 * Variables that an environment gets by itself where something is called `minipay`: Kubernetes puts the addresses of
 * every Service into its pods (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables),
 * and Docker those of a linked container (https://docs.docker.com/engine/network/links/). They are no settings.
 */
import { isIP } from 'node:net'

type Env = Readonly<Record<string, string | undefined>>
type Form = { readonly name: RegExp; readonly value: (text: string) => boolean }

/** `tcp://10.0.0.1:8080`, `udp://[fd00::1]:53`. */
const isEndpoint = (text: string) => {
  const { host = '', port = '' } = /^(?:tcp|udp|sctp):\/\/(?<host>.+):(?<port>\d+)$/.exec(text)?.groups ?? {}
  return isAddress(host.replace(/^\[(.*)\]$/, '$1')) && isPort(port)
}
const isAddress = (text: string) => isIP(text) !== 0
const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535

/** What follows the prefix, and what the value is then. Both have to fit: `MINIPAY_PORT=8080` is somebody's mistake. */
const FORMS: readonly Form[] = [
  { name: /^SERVICE_HOST$/, value: isAddress },
  { name: /^SERVICE_PORT(_[A-Z0-9_]+)?$/, value: isPort },
  { name: /^PORT$/, value: isEndpoint },
  { name: /^PORT_\d+_(TCP|UDP|SCTP)$/, value: isEndpoint },
  { name: /^PORT_\d+_(TCP|UDP|SCTP)_PROTO$/, value: (text) => /^(tcp|udp|sctp)$/.test(text) },
  { name: /^PORT_\d+_(TCP|UDP|SCTP)_PORT$/, value: isPort },
  { name: /^PORT_\d+_(TCP|UDP|SCTP)_ADDR$/, value: isAddress },
]

/** Docker's besides: the name of the link, `/web/minipay`, and what the other container has in its environment. */
const OF_A_LINK: readonly Form[] = [
  { name: /^NAME$/, value: (text) => /^\/[\w./-]+\/[\w.-]+$/.test(text) },
  { name: /^ENV_.+$/, value: () => true },
]

/** Whether a variable whose name begins with `MINIPAY_` is one of these: of `minipay`, or of a name that begins so. */
export function isLinkVariable(name: string, env: Env): boolean {
  const value = env[name] ?? ''
  return prefixesOf(name).some((prefix) => {
    const forms = isEndpoint(env[`${prefix}PORT`] ?? '') ? [...FORMS, ...OF_A_LINK] : FORMS
    const rest = name.slice(prefix.length)
    return forms.some((form) => form.name.test(rest) && form.value(value))
  })
}

/** `MINIPAY_`, `MINIPAY_HEADLESS_`, and so on. */
function prefixesOf(name: string): string[] {
  return [...name.matchAll(/_/g)].map(({ index }) => name.slice(0, index + 1))
}
