/** The rules in force, in order and in words, with their shares of the newest payments. */
import { signal } from '@preact/signals'
import type { ReplayedChargesView } from '../../api/minipay/simulation-schemas.ts'
import { percent, plural } from '../format.ts'
import { code, component, div, h3, li, ol, p, progress, span, strong, ul, type VNode } from '../tags.ts'
import {
  conditionInWords,
  failoverInWords,
  limitInWords,
  type RulesDocument,
  targetsInWords,
} from './rule-words.ts'

/** Counts what this page published: the rules in force are then loaded again. */
export const published = signal(0)

/** On so many of the newest payments rules are tried. */
export const COUNTS = [
  ['100', 'the last 100 payments'],
  ['1000', 'the last 1,000 payments'],
] as const

type Hits = ReplayedChargesView | undefined

export function Rules({ document, hits }: { document: RulesDocument; hits: Hits }): VNode {
  const { rules = [], limits = [], default: fallback } = document
  return div(
    { class: 'rules' },
    ol(
      {},
      ...rules.map((rule) =>
        li(
          { key: rule.name },
          component(Head, { name: rule.name, hits }),
          component(Condition, { condition: rule.when }),
          component(Destination, { destination: rule }),
        ),
      ),
      li(
        { key: ' default' },
        component(Head, { name: 'default', hits }),
        p({}, rules.length === 0 ? 'Every payment goes' : 'Every other payment goes'),
        component(Destination, { destination: fallback }),
      ),
    ),
    limits.length === 0 ? null : h3({}, 'Limits'),
    limits.length === 0
      ? null
      : ul(
          { class: 'limits' },
          ...limits.map((limit) =>
            li(
              { key: limit.name },
              strong({}, limit.name),
              span({}, limitInWords(limit), limit.when === undefined ? '.' : ', if'),
              limit.when === undefined ? null : code({}, limit.when),
              component(Declined, { name: limit.name, hits }),
            ),
          ),
        ),
  )
}

function Condition({ condition }: { condition: string }): VNode {
  const words = conditionInWords(condition)
  return p({}, words === undefined ? 'If ' : `If ${words}: `, code({}, condition))
}

function Destination({ destination }: { destination: RulesDocument['default'] }): VNode {
  const failover = failoverInWords(destination)
  return p(
    {},
    '→ ',
    strong({}, targetsInWords(destination)),
    '.',
    failover ? span({ class: 'soft' }, ` ${failover}`) : null,
  )
}

/** The name of a rule, and how many of the newest payments it matches. */
function Head({ name, hits }: { name: string; hits: Hits }): VNode {
  const matched = hits?.rules.find(({ rule }) => rule === name)?.charges ?? 0
  return div(
    { class: 'rule-head' },
    h3({}, name === 'default' ? 'Default' : name),
    hits === undefined || hits.charges === 0
      ? null
      : span(
          { class: 'share' },
          progress({ max: hits.charges, value: matched, 'aria-label': `Share of ${name}` }),
          span({}, percent(matched, hits.charges)),
          span({ class: 'soft' }, ` ${plural(matched, 'payment')}`),
        ),
  )
}

function Declined({ name, hits }: { name: string; hits: Hits }): VNode | null {
  const declined = hits?.limits.find(({ limit }) => limit === name)?.would_decline ?? 0
  return declined === 0
    ? null
    : span({ class: 'soft' }, ` It would decline ${plural(declined, 'payment')} of these.`)
}
