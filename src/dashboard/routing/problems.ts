/** The problems of a draft with their places in the typed text. */
import type { ApiError } from '../api.ts'
import { plural } from '../format.ts'
import { button, code, div, li, ol, p, span, type VNode } from '../tags.ts'
import type { Place, TypedDocument } from './document-places.ts'

export type PlacedProblem = { readonly path: string; readonly message: string; readonly place: Place }

/** The problems of an error of the API. */
export function placed({ problems, message, param }: ApiError, document: TypedDocument): PlacedProblem[] {
  const all = problems.length > 0 ? problems : [{ path: param ?? '', message, position: null }]
  return all.map(({ path, message: says, position }) => ({
    ...{ path, message: says, place: document.placeOf(path, position?.offset) },
  }))
}

type ProblemsProps = { problems: readonly PlacedProblem[]; onShow: (place: Place) => void }

/** A list of buttons: each moves the cursor to its place. */
export function Problems({ problems, onShow }: ProblemsProps): VNode {
  return div(
    { class: 'problem-box', role: 'alert' },
    p({}, `${plural(problems.length, 'problem')}. MiniPay stored nothing.`),
    ol(
      {},
      ...problems.map(({ path, message, place }, i) =>
        li(
          { key: i },
          button(
            { type: 'button', class: 'plain place', onClick: () => onShow(place) },
            `Line ${place.line}, column ${place.column}`,
          ),
          span({}, ` ${message} `),
          path === '' ? null : code({}, path),
        ),
      ),
    ),
  )
}
