/** What a reader can begin with the rules in force: a draft, or a reset. */
import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import { go } from '../router.ts'
import { button, component, fragment, type VNode } from '../tags.ts'
import { Menu } from '../ui/menu.ts'
import { withModule } from '../ui/page.ts'
import { ownDraft, startDraft } from './draft.ts'

const publishing = () => import('./publish.ts')

export function Actions({ rules }: { rules: RuleSetView }): VNode {
  const edit = () => {
    if (!ownDraft()) startDraft(rules)
    go('/routing', { edit: 1 })
  }
  return fragment(
    rules.built_in
      ? null
      : component(Menu, {
          label: 'More actions',
          items: [
            {
              label: 'Reset to the built-in rules…',
              danger: true,
              onSelect: () => withModule(publishing, ({ showReset }) => showReset(rules.version)),
            },
          ],
        }),
    button(
      { type: 'button', class: 'button primary', onClick: edit },
      ownDraft() ? 'Continue draft' : 'Edit rules',
    ),
  )
}
