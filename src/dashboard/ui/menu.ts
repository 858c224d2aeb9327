import { useId } from 'preact/hooks'
import { button, type ComponentChildren, component, div, type VNode } from '../tags.ts'
import { Icon } from './icon.ts'

export type MenuItem = { readonly label: string; readonly onSelect: () => void; readonly danger?: boolean }

/** A button with a list of actions below it. Without `children`, the button has three dots. */
export function Menu({
  label,
  items,
  children,
}: {
  label: string
  items: readonly MenuItem[]
  children?: ComponentChildren
}): VNode {
  const id = useId()
  const close = () => document.getElementById(id)?.hidePopover()
  return div(
    { class: 'menu-place' },
    button(
      {
        type: 'button',
        class: children ? 'button' : 'plain',
        popovertarget: id,
        ...(!children && { 'aria-label': label }),
      },
      children ?? component(Icon, { name: 'more' }),
    ),
    div(
      { id, class: 'menu', popover: 'auto', 'aria-label': label, role: 'group' },
      ...items.map((item) =>
        button(
          {
            ...{ type: 'button', class: item.danger ? 'item bad' : 'item', key: item.label },
            onClick: () => {
              close()
              item.onSelect()
            },
          },
          item.label,
        ),
      ),
    ),
  )
}
