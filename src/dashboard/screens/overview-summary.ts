import type { StatisticsRowView } from '../../api/minipay/statistics-schemas.ts'
import { attention } from '../attention.ts'
import { count, duration, percent, plural } from '../format.ts'
import { href } from '../router.ts'
import { isPayment, KNOWN, outcomesOf, rowsBy, TAKEN } from '../statistics.ts'
import { a, component, fragment, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Figures } from '../ui/card.ts'
import { type OverviewData, RANGES } from './overview-data.ts'

const relativeNote = (since: string) => {
  const ms = Date.now() - Date.parse(since)
  return `oldest ${duration(Math.max(0, ms))}`
}

/** The code of most declines, in words. */
function topDecline(rows: readonly StatisticsRowView[]): string | undefined {
  const codes = [...rowsBy(rows, ({ decline_code: code }) => code)].flatMap(([code, of]) =>
    code === null ? [] : [{ code, attempts: of.reduce((sum, { attempts }) => sum + attempts, 0) }],
  )
  const [top] = codes.sort((a, b) => b.attempts - a.attempts)
  return top && `top: ${sentence(top.code).toLowerCase()}`
}

/** Four figures; each leads to the list behind it. */
export function Summary({ data }: { data: OverviewData }): VNode {
  const payments = data.outcomes.filter(isPayment)
  const { attempts, succeeded, failed } = outcomesOf(payments)
  const called = payments.filter(({ provider }) => provider !== 'none')
  const providers = rowsBy(called, ({ provider }) => provider).size
  const since = { created_gte: data.chart.from }
  const link = (number: string, status: readonly string[]) =>
    a({ href: href('/payments', { ...since, status }) }, number)
  const waiting = attention.value?.unresolved
  const figures = [
    {
      label: `Success rate, ${RANGES[data.range].label}`,
      value: percent(succeeded, succeeded + failed),
      note: fragment(
        link(count(succeeded), TAKEN),
        ' of ',
        link(count(succeeded + failed), KNOWN),
        ' known outcomes',
      ),
      href: href('/payments', { ...since, status: KNOWN }),
    },
    {
      label: 'Payment attempts',
      value: count(attempts),
      note: `charges and holds${providers === 0 ? '' : `, at ${plural(providers, 'provider')}`}`,
      href: href('/payments', since),
    },
    {
      label: 'Declined or failed',
      value: count(failed),
      note: topDecline(data.declines.filter(isPayment)),
      href: href('/payments', { ...since, status: 'failed' }),
    },
    ...(waiting
      ? [
          {
            label: 'Unresolved now',
            value: count(waiting.unknown),
            note:
              waiting.oldest_since === null ? 'every outcome is known' : relativeNote(waiting.oldest_since),
            href: href('/unresolved'),
          },
        ]
      : []),
  ]
  return component(Figures, { figures })
}
