import { type Config, SETTINGS, type SettingKey } from './config.ts'
import { publicName } from './database-name.ts'
import { type Network, textOfNetwork } from './domain/access/networks.ts'

/** Settings whose text is no secret. Any other text is not shown. */
const TEXTS: readonly SettingKey[] = [
  'host',
  'publicUrl',
  'providers',
  'withoutFsync',
  'localTargets',
  'logLevel',
  'accessLog',
  'docs',
]

/** The settings of a server as the audit log shows them: without secrets, by the names of their flags. */
export function shownSettings(config: Partial<Config>): Readonly<Record<string, unknown>> {
  const shown: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(config) as [SettingKey, unknown][]) {
    const name = SETTINGS[key]?.flag.replaceAll('-', '_')
    if (name === undefined) continue
    if (key === 'database') shown[name] = publicName(String(value))
    else if (key === 'allowedOrigins') shown[name] = value instanceof Set ? [...value] : '*'
    else if (key === 'webhookPorts') shown[name] = value instanceof Set ? [...value] : 'any'
    else if (key === 'trustedProxies') shown[name] = (value as readonly Network[]).map(textOfNetwork)
    // The path of a webhook may be its secret, as with Slack.
    else if (value instanceof URL) shown[name] = value.origin
    else if (typeof value === 'number' || typeof value === 'boolean' || TEXTS.includes(key))
      shown[name] = value
  }
  return shown
}
