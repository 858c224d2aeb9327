/** What failed, by endpoint and error. */
import type { FailuresView } from '../../api/minipay/delivery-schemas.ts'
import { api } from '../api.ts'
import { count, plural } from '../format.ts'
import { can } from '../me.ts'
import { usePoll } from '../poll.ts'
import { useResource } from '../resource.ts'
import { href } from '../router.ts'
import { a, button, component, div, fragment, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Loaded } from '../ui/empty.ts'
import { type Column, Table } from '../ui/table.ts'
import { Time } from '../ui/values.ts'
import { retryAll } from './retry.ts'
import { said } from './words.ts'

type Group = FailuresView['data'][number]
export type FailuresProps = {
  /** Of this one alone. */
  endpoint?: string
  /** The words for an endpoint; undefined if it was deleted: nothing can be sent to it again. */
  placeOf: (endpoint: string) => string | undefined
}

/** Failed deliveries in groups; nothing without any. */
export function Failures({ endpoint, placeOf }: FailuresProps): VNode | null {
  const load = () => api.get<FailuresView>('/webhook_deliveries/failures', { endpoint })
  const failures = useResource(load, [endpoint])
  usePoll(async () => {
    const now = await load()
    failures.update(() => now)
  })
  if (failures.data.value?.data.length === 0) return null
  return component(
    Card,
    {
      title: 'Failed deliveries',
      aside: failures.data.value?.has_more ? 'The newest 10,000 are counted' : 'By error of the last attempt',
    },
    component(Loaded<FailuresView>, {
      resource: failures,
      lines: 3,
      show: ({ data }) =>
        fragment(
          component(Table<Group>, {
            ...{ label: 'Failed deliveries by error', rows: data, idOf: nameOf },
            columns: columnsOf(placeOf, endpoint === undefined),
          }),
          can('webhooks:write') ? retryButton(data, placeOf, endpoint) : null,
        ),
    }),
  )
}

/** Of one endpoint since a time, or of every one that is not deleted. */
function retryButton(
  groups: readonly Group[],
  placeOf: FailuresProps['placeOf'],
  one?: string,
): VNode | null {
  const endpoints = [...new Set(groups.map(({ endpoint }) => endpoint))].filter((id) => placeOf(id))
  const [first] = endpoints
  if (first === undefined) return null
  const place = endpoints.length === 1 ? (placeOf(first) ?? first) : plural(endpoints.length, 'endpoint')
  const asksSince = one !== undefined
  return div(
    { class: 'more' },
    button(
      { type: 'button', class: 'button', onClick: () => retryAll({ endpoints, place, asksSince }) },
      asksSince ? 'Retry all that failed since…' : 'Retry all failed…',
    ),
  )
}

const nameOf = ({ endpoint, last_error: error }: Group) => `${endpoint} ${error}`

function columnsOf(placeOf: FailuresProps['placeOf'], withEndpoint: boolean): readonly Column<Group>[] {
  const endpoint: Column<Group> = {
    ...{ head: 'Endpoint', class: 'named' },
    cell: ({ endpoint }) => placeOf(endpoint) ?? `${endpoint} (deleted)`,
  }
  return [
    {
      ...{ head: 'Error', class: 'wide' },
      cell: ({ endpoint, last_error: error }) =>
        // Without an error the link and the retry would name all failed deliveries of the endpoint: no filter says "none".
        error === null
          ? 'None'
          : a({ href: href(`/webhooks/${endpoint}`, { status: 'failed', last_error: error }) }, said(error)),
    },
    ...(withEndpoint ? [endpoint] : []),
    { head: 'Failed', class: 'num named', cell: (group) => count(group.count) },
    {
      head: 'Newest',
      class: 'named',
      cell: (group) => component(Time, { at: group.newest_created_at, style: 'minute' }),
    },
    {
      ...{ head: 'Actions', class: 'action' },
      cell: ({ endpoint, last_error: error, count: failed }) => {
        const place = placeOf(endpoint)
        return can('webhooks:write') && place !== undefined && error !== null
          ? button(
              {
                type: 'button',
                class: 'plain',
                onClick: () => retryAll({ endpoints: [endpoint], error, place }),
              },
              `Retry ${count(failed)}`,
            )
          : null
      },
    },
  ]
}
