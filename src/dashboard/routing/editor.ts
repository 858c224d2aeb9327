/** Edits a draft: check, try on the newest payments, compare, publish. */
import { useRef, useState } from 'preact/hooks'
import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import type { ReplayedChargesView, SimulationView } from '../../api/minipay/simulation-schemas.ts'
import { type ApiError, api, asApiError } from '../api.ts'
import { showJson } from '../json.ts'
import { button, component, div, fragment, label, p, textarea, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Problem } from '../ui/dialog.ts'
import { Diff } from './diff.ts'
import { type Place, readDocument, type TypedDocument } from './document-places.ts'
import { changeDraft, type Draft, ownDraft, startDraft } from './draft.ts'
import { Actions } from './editor-actions.ts'
import { RuleHelp } from './example-rule.ts'
import { type PlacedProblem, Problems, placed } from './problems.ts'
import { showPublish } from './publish.ts'
import { Simulated } from './simulated.ts'
import { Superseded } from './superseded.ts'

type Outcome =
  | { readonly kind: 'problems'; readonly problems: readonly PlacedProblem[] }
  | { readonly kind: 'error'; readonly error: ApiError }
  | { readonly kind: 'sound' }
  | { readonly kind: 'tried'; readonly last: ReplayedChargesView }

type EditorProps = { draft: Draft; current: RuleSetView; reload: () => void }

/** What MiniPay says of the typed rules, and the requests that find it out. */
function useTrial(text: string) {
  const [outcome, setOutcome] = useState<Outcome | undefined>()
  const [busy, setBusy] = useState(false)
  const document = readDocument(text)
  /** Runs work on the document, unless the text is no JSON. */
  const withDocument = (work: (sound: TypedDocument) => void) => {
    if ('value' in document) return work(document)
    setOutcome({ kind: 'problems', problems: [{ path: '', ...document }] })
  }
  const refuse = (error: ApiError, sound: TypedDocument) =>
    setOutcome(
      error.code === 'routing_rules_invalid'
        ? { kind: 'problems', problems: placed(error, sound) }
        : { kind: 'error', error },
    )
  const simulate = (more: { last?: number }) =>
    withDocument(async (sound) => {
      setBusy(true)
      try {
        const made = await api.post<SimulationView>('/routing/simulate', { rules: sound.value, ...more })
        setOutcome(made.last ? { kind: 'tried', last: made.last } : { kind: 'sound' })
      } catch (error) {
        refuse(asApiError(error), sound)
      }
      setBusy(false)
    })
  return { document, outcome, busy, withDocument, refuse, simulate, forget: () => setOutcome(undefined) }
}

/** The draft of the reader, or a button that begins one. */
export function Editing({ current, reload }: Omit<EditorProps, 'draft'>): VNode {
  const draft = ownDraft()
  if (draft) return component(Editor, { draft, current, reload })
  return button(
    { type: 'button', class: 'button', onClick: () => startDraft(current) },
    'Begin with the rules in force',
  )
}

function Editor({ draft, current, reload }: EditorProps): VNode {
  const field = useRef<HTMLTextAreaElement>(null)
  const { document, outcome, busy, withDocument, refuse, simulate, forget } = useTrial(draft.text)
  const show = ({ offset }: Place) => {
    field.current?.focus()
    field.current?.setSelectionRange(offset, offset)
  }
  const type = (text: string) => {
    changeDraft({ text })
    forget()
  }
  const publish = () =>
    withDocument((sound) =>
      showPublish(draft, sound.value, (error) => {
        if (error.code === 'routing_version_conflict') reload()
        else refuse(error, sound)
      }),
    )
  return div(
    { class: 'routing-editor' },
    draft.version === current.version ? null : component(Superseded, { draft, current }),
    div(
      { class: 'field' },
      label({ for: 'routing-document' }, 'Rules as JSON'),
      component(RuleHelp, { document: 'value' in document ? document.value : undefined, onAdd: type }),
      textarea({
        ...{ id: 'routing-document', ref: field, class: 'mono', rows: 22, spellcheck: false },
        ...{ value: draft.text, 'aria-describedby': 'routing-outcome' },
        onInput: (event) => type(event.currentTarget.value),
        onKeyDown: (event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) simulate({})
        },
      }),
    ),
    component(Actions, { busy, simulate, publish }),
    div({ id: 'routing-outcome', 'aria-live': 'polite' }, outcome ? outcomeOf(outcome, show) : null),
    component(
      Card,
      { title: 'Changes' },
      component(Diff, {
        ...{ before: draft.before, label: 'Changes of the rules' },
        after: 'value' in document ? showJson(document.value) : draft.text,
      }),
    ),
  )
}

function outcomeOf(outcome: Outcome, onShow: (place: Place) => void): VNode {
  if (outcome.kind === 'problems') return component(Problems, { problems: outcome.problems, onShow })
  if (outcome.kind === 'error') return component(Problem, { error: outcome.error })
  if (outcome.kind === 'sound') return fragment(p({ class: 'sound' }, 'No problems. Nothing was stored.'))
  return component(Card, { title: 'On the newest payments' }, component(Simulated, { last: outcome.last }))
}
