import { showJson } from '../json.ts'
import { component, details, div, pre, summary, type VNode } from '../tags.ts'
import { CopyButton } from './values.ts'

/** The raw JSON of an object, folded until it is wanted. */
export function Json({
  value,
  label = 'Raw JSON',
  open = false,
}: {
  value: unknown
  label?: string
  open?: boolean
}): VNode {
  const text = showJson(value)
  return details(
    { class: 'json', open },
    summary({}, label),
    div(
      { class: 'code' },
      component(CopyButton, { value: text, label: `Copy ${label}`, icon: true }),
      pre({ tabIndex: 0, role: 'region', 'aria-label': label }, text),
    ),
  )
}
