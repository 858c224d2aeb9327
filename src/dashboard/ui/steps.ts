/** The steps of the guide in a list: those that are done, and what to try next. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { component, h3, li, ol, p, span, type VNode } from '../tags.ts'
import { Icon } from './icon.ts'

export type Step = {
  readonly title: string
  readonly done: boolean
  readonly words: string
  readonly action: VNode | null
}

/** A step that is done loses its button. Where that had the focus, the button of the next step gets it. */
export function Steps({ steps }: { steps: readonly Step[] }): VNode {
  const list = useRef<HTMLOListElement>(null)
  const done = steps.filter((step) => step.done).length
  const before = useRef(done)
  useLayoutEffect(() => {
    if (done > before.current && document.activeElement === document.body)
      list.current?.querySelector<HTMLElement>('li:not(.done) .button')?.focus({ preventScroll: true })
    before.current = done
  }, [done])
  return ol({ ref: list }, ...steps.map((step) => component(StepRow, { step, key: step.title })))
}

function StepRow({ step: { title, done, words, action } }: { step: Step }): VNode {
  return li(
    { class: done ? 'done' : '' },
    h3(
      {},
      done
        ? span({ class: 'mark' }, component(Icon, { name: 'check' }), span({ class: 'hidden' }, 'Done: '))
        : null,
      title,
    ),
    done ? null : p({ class: 'soft' }, words),
    done ? null : action,
  )
}
