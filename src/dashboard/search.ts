import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { component, form, input, kbd, type VNode } from './tags.ts'

type Results = typeof import('./search-results.ts')

/**
 * The search box: an id, a customer, a key or a reference leads to its object, and the name of a screen to the screen.
 * What it finds is loaded with the first focus.
 */
export function Search(): VNode {
  const id = useId()
  const box = useRef<HTMLInputElement>(null)
  // A key that is pressed before the next rendering must find it, too.
  const loaded = useRef<Results | undefined>(undefined)
  const isEntered = useRef(false)
  const [results, setResults] = useState<Results | undefined>()
  const [isOpen, setOpen] = useState(false)
  const [text, setText] = useState('')
  const type = (typed: string, pasted = false) => {
    setText(typed)
    setOpen(true)
    loaded.current?.look(typed.trim(), pasted)
  }
  const leave = () => {
    type('')
    setOpen(false)
    box.current?.blur()
  }
  useEffect(() => {
    results?.connect({ leave, pick: type })
  })
  const open = async () => {
    setOpen(true)
    if (loaded.current) return
    const module = await import('./search-results.ts')
    loaded.current = module
    module.look(box.current?.value.trim() ?? '')
    if (isEntered.current) module.followChosen()
    setResults(module)
  }
  const press = (event: KeyboardEvent) => {
    const { key } = event
    if (key === 'Escape') {
      // Escape empties the box first.
      if (text === '') leave()
      else type('')
    } else if (key === 'ArrowDown' || key === 'ArrowUp') loaded.current?.move(key === 'ArrowDown' ? 1 : -1)
    else return
    event.preventDefault()
  }
  const isShown = isOpen && results !== undefined && !results.isEmpty.value
  return form(
    {
      class: 'search',
      role: 'search',
      onSubmit: (event: SubmitEvent) => {
        event.preventDefault()
        if (loaded.current) loaded.current.followChosen()
        else isEntered.current = true
      },
    },
    input({
      ...{ id: 'search', ref: box, type: 'search', role: 'combobox', 'aria-label': 'Search', value: text },
      ...{ autocomplete: 'off', spellcheck: false, placeholder: 'Find a payment, customer, reference…' },
      ...{ 'aria-expanded': isShown, 'aria-controls': `${id}-found`, 'aria-autocomplete': 'list' },
      ...(isShown && { 'aria-activedescendant': `${id}-found-${results.chosen.value}` }),
      onInput: (event) => type(event.currentTarget.value, event.inputType === 'insertFromPaste'),
      onFocus: () => void open(),
      onBlur: () => setOpen(false),
      onKeyDown: press,
    }),
    kbd({ 'aria-hidden': true }, '/'),
    isOpen && results ? component(results.Results, { id: `${id}-found` }) : null,
  )
}
