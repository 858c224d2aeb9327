import { component, span, type VNode } from '../tags.ts'
import { statusOf, type Tone } from '../texts.ts'

/** A coloured pill: a dot and a word, so that colour is never alone. */
export function Pill({ tone, word, title }: { tone: Tone; word: string; title?: string }): VNode {
  return span({ class: `badge ${tone}`, title }, span({ class: 'dot', 'aria-hidden': true }), word)
}

/** The badge of a status of the API. `kind` tells breakers, disputes and alarms from the others. */
export function Badge(props: {
  status: string
  kind?: 'breaker' | 'dispute' | 'alarm'
  title?: string
}): VNode {
  const { word, tone } = statusOf(props.status, props.kind)
  return component(Pill, { tone, word, ...(props.title !== undefined && { title: props.title }) })
}
