/** Dialogs that store the next version of the rules. */
import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import { ApiError, api } from '../api.ts'
import { me } from '../me.ts'
import { go, queryString } from '../router.ts'
import { component, p, type VNode } from '../tags.ts'
import { FormDialog, showDialog } from '../ui/dialog.ts'
import { TextField } from '../ui/field.ts'
import { changeDraft, type Draft, dropDraft } from './draft.ts'
import { published } from './rules.ts'

type Refused = (error: ApiError) => void

/** In live mode the reader types the number of the version: it decides where money goes. */
const confirmation = (version: number) =>
  me.value?.mode === 'live'
    ? { label: `Type ${version} to confirm the next version`, text: String(version) }
    : undefined

/** Asks for a note, and publishes. `onRefused` is called with an error of the server; the dialog shows it, too. */
export function showPublish(draft: Draft, document: unknown, onRefused: Refused): void {
  showDialog((close) => component(PublishDialog, { draft, document, onRefused, close }))
}

type PublishProps = { draft: Draft; document: unknown; onRefused: Refused; close: () => void }

function PublishDialog({ draft: { version, note }, document, onRefused, close }: PublishProps): VNode {
  const next = version + 1
  return component(
    FormDialog,
    {
      ...{ title: 'Publish rules', submit: `Publish version ${next}`, purpose: `publish ${next}` },
      ...{ confirm: confirmation(next), onClose: close },
      onSubmit: async ({ note: typed = '' }) => {
        changeDraft({ note: typed })
        const words = typed.trim()
        try {
          const body = { document, version, ...(words !== '' && { note: words }) }
          const stored = await api.put<RuleSetView>('/routing', body)
          dropDraft()
          published.value++
          go('/routing')
          return `Published version ${stored.version}.`
        } catch (error) {
          if (error instanceof ApiError) onRefused(error)
          throw error
        }
      },
    },
    p(
      {},
      version === 0
        ? 'These rules replace the built-in ones.'
        : `These rules replace version ${version}. They apply to the next payment.`,
    ),
    component(TextField, {
      ...{ name: 'note', label: 'Note', value: note, maxLength: 1000, autoFocus: true },
      hint: 'Why you change the rules. The history shows it.',
    }),
  )
}

/** Goes back to the built-in rules. */
export function showReset(version: number): void {
  showDialog((close) => component(ResetDialog, { version, close }))
}

function ResetDialog({ version, close }: { version: number; close: () => void }): VNode {
  return component(
    FormDialog,
    {
      ...{ title: 'Reset rules', submit: 'Reset rules', purpose: `reset ${version}`, danger: true },
      ...{ confirm: confirmation(version + 1), onClose: close },
      onSubmit: async ({ note = '' }) => {
        const query = queryString({ version, note: note.trim() })
        const stored = await api.remove<RuleSetView>(`/routing${query}`)
        published.value++
        go('/routing')
        return `The built-in rules apply, as version ${stored.version}.`
      },
    },
    p(
      {},
      'Every payment goes to the providers in the order of the configuration. The history keeps your rules.',
    ),
    component(TextField, { name: 'note', label: 'Note', maxLength: 1000, autoFocus: true }),
  )
}
