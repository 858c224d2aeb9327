import { type ComponentChildren, component, div, li, ol, p, strong, type VNode } from '../tags.ts'
import type { Tone } from '../texts.ts'
import { Time } from './values.ts'

export type Moment = {
  readonly key: string
  readonly tone: Tone
  /** Who or what: the provider. */
  readonly title: ComponentChildren
  /** Beside the title: a badge, a duration. */
  readonly beside?: ComponentChildren
  /** RFC 3339. */
  readonly at: string
  /** One sentence: what it means, and what followed from it. */
  readonly sentence?: ComponentChildren
  /** The second, soft line: rule, what was passed over and why. */
  readonly soft?: ComponentChildren
}

/** What happened, in order: a line of dots in the colours of the outcomes. */
export function Timeline({ moments }: { moments: readonly Moment[] }): VNode {
  return ol(
    { class: 'timeline' },
    ...moments.map(({ key, tone, title, beside, at, sentence, soft }) =>
      li(
        { key, class: tone },
        div(
          { class: 'line-head' },
          strong({}, title),
          beside,
          div({ class: 'at soft' }, component(Time, { at })),
        ),
        sentence ? p({}, sentence) : null,
        soft ? p({ class: 'soft' }, soft) : null,
      ),
    ),
  )
}
