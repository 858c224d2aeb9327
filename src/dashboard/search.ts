import { go } from './router.ts'
import { form, input, kbd, type VNode } from './tags.ts'

const ID_PLACES: Readonly<Record<string, string>> = { txn: '/payments', dlv: '/deliveries' }

/** The search box: an id leads to its object, another text to the payments of that customer. */
export function Search(): VNode {
  const find = (event: SubmitEvent) => {
    event.preventDefault()
    const field = document.getElementById('search')
    const text = field instanceof HTMLInputElement ? field.value.trim() : ''
    if (text === '') return
    const place = ID_PLACES[text.split('_')[0] ?? '']
    if (place !== undefined && text.includes('_')) go(`${place}/${encodeURIComponent(text)}`)
    else go('/payments', { customer: text })
  }
  return form(
    { class: 'search', role: 'search', onSubmit: find },
    input({
      ...{ id: 'search', type: 'search', 'aria-label': 'Search', autocomplete: 'off', spellcheck: false },
      placeholder: 'Find a payment, customer, reference…',
    }),
    kbd({ 'aria-hidden': true }, '/'),
  )
}
