/** The draft of a reader: it survives other screens and a reload of the page, in this tab. */
import { effect, signal } from '@preact/signals'
import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import { showJson } from '../json.ts'
import { me } from '../me.ts'

export type Draft = {
  /** As typed. */
  readonly text: string
  /** The version that it replaces, and its text. */
  readonly version: number
  readonly before: string
  readonly note: string
  /** Account and mode. */
  readonly owner: string
}

const NAME = 'minipay.routing.draft'
export const draft = signal<Draft | undefined>(stored())

function stored(): Draft | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

if (typeof sessionStorage !== 'undefined')
  effect(() => {
    try {
      if (draft.value) sessionStorage.setItem(NAME, JSON.stringify(draft.value))
      else sessionStorage.removeItem(NAME)
    } catch {
      // Storage is full or blocked: the draft lives as long as the page.
    }
  })

const owner = () => `${me.value?.account.id}/${me.value?.mode}`

/** The draft of this account and mode. */
export function ownDraft(): Draft | undefined {
  return draft.value?.owner === owner() ? draft.value : undefined
}

/** Begins with another document than the current rules if one is given. */
export function startDraft({ version, document }: RuleSetView, text = showJson(document), note = ''): void {
  draft.value = { text, version, before: showJson(document), note, owner: owner() }
}

export function changeDraft(change: Partial<Pick<Draft, 'text' | 'note'>>): void {
  if (draft.value) draft.value = { ...draft.value, ...change }
}

/** Keeps what was typed, on top of rules that somebody else published meanwhile. */
export function rebaseDraft({ version, document }: RuleSetView): void {
  if (draft.value) draft.value = { ...draft.value, version, before: showJson(document) }
}

export function dropDraft(): void {
  draft.value = undefined
}
