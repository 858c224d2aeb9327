import { useState } from 'preact/hooks'
import { go } from '../router.ts'
import { button, component, div, type VNode } from '../tags.ts'
import { SelectField } from '../ui/field.ts'
import { dropDraft } from './draft.ts'
import { COUNTS } from './rules.ts'

type ActionsProps = { busy: boolean; simulate: (more: { last?: number }) => void; publish: () => void }

/** What the reader can do with a draft; nothing while MiniPay checks it. */
export function Actions({ busy, simulate, publish }: ActionsProps): VNode {
  const [last, setLast] = useState('100')
  const action = (label: string, onClick: () => void, tone = '') =>
    // A button that is disabled loses the focus.
    button(
      {
        ...{ type: 'button', class: `button ${tone}`, 'aria-disabled': busy },
        onClick: () => {
          if (!busy) onClick()
        },
      },
      label,
    )
  const discard = () => {
    dropDraft()
    go('/routing')
  }
  return div(
    { class: 'actions' },
    action('Check', () => simulate({})),
    component(SelectField, {
      ...{ name: 'last', label: 'Try on', value: last, choices: COUNTS },
      onChange: setLast,
    }),
    action('Try', () => simulate({ last: Number(last) })),
    button({ type: 'button', class: 'plain', onClick: discard }, 'Discard draft'),
    action('Publish…', publish, 'primary'),
  )
}
