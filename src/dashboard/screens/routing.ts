import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import type { SimulationView } from '../../api/minipay/simulation-schemas.ts'
import { api } from '../api.ts'
import { plural } from '../format.ts'
import { can } from '../me.ts'
import { useResource } from '../resource.ts'
import { href, place, replaceQuery } from '../router.ts'
import { Author } from '../routing/author.ts'
import { COUNTS, published, Rules } from '../routing/rules.ts'
import { component, div, fragment, p, span, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Failure, Loaded } from '../ui/empty.ts'
import { SelectField } from '../ui/field.ts'
import { Later, Page } from '../ui/page.ts'
import { Time } from '../ui/values.ts'

type EditingProps = { current: RuleSetView; reload: () => void }
type VersionProps = { number: string; current: RuleSetView }

const loadActions = () => import('../routing/actions.ts').then(({ Actions }) => Actions)
const loadEditing = () => import('../routing/editor.ts').then(({ Editing }) => Editing)
const loadVersion = () => import('../routing/history.ts').then(({ Version }) => Version)
const loadHistory = () => import('../routing/history.ts').then(({ History }) => History)

/** The routing rules: in force, edited, and their history. */
export default function Routing(): VNode {
  const { query } = place.value
  const isEditing = query.has('edit') && can('routing:write')
  const current = useResource(() => api.get<RuleSetView>('/routing'), [isEditing, published.value])
  const rules = current.data.value
  return component(
    Page,
    {
      title: isEditing ? 'Edit rules' : 'Routing',
      ...(isEditing && { above: { label: 'Routing', href: href('/routing') }, here: 'Edit' }),
      actions:
        rules && !isEditing && can('routing:write')
          ? component(Later<{ rules: RuleSetView }>, { load: loadActions, props: { rules } })
          : null,
    },
    component(Loaded<RuleSetView>, {
      resource: current,
      show: (data) =>
        isEditing
          ? component(Later<EditingProps>, {
              load: loadEditing,
              props: { current: data, reload: current.reload },
              key: 'edit',
            })
          : component(Overview, { current: data, number: query.get('version') }),
    }),
  )
}

function Overview({ current, number }: { current: RuleSetView; number: string | null }): VNode {
  const last = place.value.query.get('last') === '1000' ? '1000' : '100'
  const hits = useResource(
    () => api.post<SimulationView>('/routing/simulate', { last: Number(last) }),
    [last, current.version],
  )
  const replayed = hits.data.value?.last ?? undefined
  return fragment(
    number === null
      ? null
      : component(Later<VersionProps>, { load: loadVersion, props: { number, current }, key: number }),
    component(
      Card,
      { title: 'Rules in force', aside: component(About, { current }), class: 'routing-rules' },
      p({ class: 'soft' }, 'MiniPay takes the first rule whose condition is true.'),
      component(Rules, { document: current.document, hits: replayed }),
      div(
        { class: 'hits' },
        component(SelectField, {
          ...{ name: 'last', label: 'Shares of', value: last, choices: COUNTS },
          onChange: (value: string) => replaceQuery({ last: value === '100' ? null : value }),
        }),
        replayed ? span({ class: 'soft' }, `${plural(replayed.charges, 'payment')} routed again.`) : null,
      ),
      hits.error.value ? component(Failure, { error: hits.error.value, onRetry: hits.reload }) : null,
    ),
    component(Later<{ version: number }>, {
      load: loadHistory,
      props: { version: current.version },
      key: 'history',
    }),
  )
}

function About({ current }: { current: RuleSetView }): VNode {
  const { version, author, created_at: at, built_in: isBuiltIn } = current
  if (version === 0) return span({}, 'Built-in')
  return span(
    {},
    `Version ${version}${isBuiltIn ? ', built-in' : ''} by `,
    component(Author, { author }),
    ...(at === null ? [] : [' · ', component(Time, { at, style: 'minute' })]),
  )
}
