/** Parts of the system's page. */
import type { SystemView } from '../api/system-schemas.ts'
import { duration, plural } from './format.ts'
import { div, p, type VNode } from './tags.ts'

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'] as const

/** `1.2 GB`. */
export function size(bytes: number): string {
  const power = bytes < 1_000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1)
  const value = bytes / 1_000 ** power
  return `${power === 0 ? bytes : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[power]}`
}

/** What a person should look at now. */
export function Warnings({
  data: { clock, missing_providers: missing },
}: {
  data: SystemView
}): VNode | null {
  if (!clock && missing.length === 0) return null
  return div(
    { class: 'problem-box', role: 'alert' },
    clock
      ? p(
          {},
          `The clock moved by ${duration(Math.abs(clock.moved_by_seconds) * 1_000)} ${clock.moved_by_seconds < 0 ? 'back' : 'ahead'}. Check it: MiniPay cancels nothing because of it for ${duration(clock.trusted_in_seconds * 1_000)} more.`,
        )
      : null,
    ...missing.map(({ provider, open_attempts: open }) =>
      p(
        { key: provider },
        `The provider ${provider} is not configured, and the database needs it: ${plural(open, 'attempt')} without an outcome. See MINIPAY_PROVIDERS.`,
      ),
    ),
  )
}
