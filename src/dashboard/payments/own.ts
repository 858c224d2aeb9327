import { span, type VNode } from '../tags.ts'

/** A text of a person: its direction is its own. */
export const own = (text: string): VNode => span({ dir: 'auto', class: 'own' }, text)
