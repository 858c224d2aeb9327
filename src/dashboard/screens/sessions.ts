import { can, me } from '../me.ts'
import { href, place } from '../router.ts'
import { Sessions } from '../sessions-card.ts'
import { component, p, type VNode } from '../tags.ts'
import { Empty } from '../ui/empty.ts'
import { Page } from '../ui/page.ts'

/** The sessions of your own key, or of the one in the address, for readers who may administer it. */
export default function SessionsOfKey(): VNode {
  const of = place.value.query.get('key') ?? undefined
  const own = me.value?.key?.id
  const above = { label: 'API keys', href: href('/keys') }
  return component(
    Page,
    {
      title: 'Sessions',
      ...(can('keys:read') && { above, here: of ?? 'Your sessions' }),
    },
    of === undefined && own === undefined
      ? component(
          Empty,
          { title: 'You are not signed in' },
          p({}, 'Without an API key everybody on this machine can act here.'),
        )
      : component(Sessions, { of, mayEnd: of === undefined || of === own || can('keys:write') }),
  )
}
