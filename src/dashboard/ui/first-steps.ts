/** The first minute with MiniPay: what to try, in order, and what was tried already. */
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { WebhookEndpointView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { DEFAULT_ENDPOINT } from '../../domain/webhooks/endpoint.ts'
import { api } from '../api.ts'
import { useEvents } from '../live.ts'
import { can, me } from '../me.ts'
import { newPayment } from '../new-payment.ts'
import { guide } from '../preferences.ts'
import { type ListPage, useResource } from '../resource.ts'
import { href } from '../router.ts'
import { a, button, component, div, type VNode } from '../tags.ts'
import { BAD_CARD, GOOD_CARD } from '../test-cards.ts'
import { Card } from './card.ts'
import { Command, curl } from './command.ts'
import { type Step, Steps } from './steps.ts'

/** Payments after which a reader no longer needs the guide. */
const ENOUGH = 20
export const RECEIVER = 'http://127.0.0.1:4242/webhooks'
const LISTEN = `minipay listen --forward-to ${RECEIVER}`

type Tried = {
  readonly charges: readonly ChargeView[]
  readonly endpoints: number
  readonly keys: number
}

/** Endpoints that a person made, or webhooks that arrived at the one of the setting. */
async function receivers(): Promise<number> {
  const made = await api.get<ListPage<WebhookEndpointView>>('/webhook_endpoints', { limit: 10 })
  const arrived = await api.get<ListPage<object>>('/webhook_deliveries', { limit: 1, status: 'delivered' })
  return made.data.filter(({ id }) => id !== DEFAULT_ENDPOINT).length + arrived.data.length
}

async function lookAround(): Promise<Tried | undefined> {
  const some = async (path: string, allowed: boolean) =>
    allowed ? (await api.get<ListPage<object>>(path, { limit: 1 })).data.length : 0
  const page = await api.get<ListPage<ChargeView>>('/charges', { limit: ENOUGH })
  if (page.has_more) return undefined
  const [endpoints, keys] = await Promise.all([
    can('webhooks:read') ? receivers() : 0,
    some('/keys', can('keys:read')),
  ])
  return { charges: page.data, endpoints, keys }
}

/** The guide, on an account in test mode that is new; otherwise nothing. */
export function FirstSteps(): VNode | null {
  const tried = useResource(lookAround)
  const follow = () => {
    // An account that was not new stays so.
    if (tried.data.value) tried.reload()
  }
  useEvents({ types: ['payment.', 'refund.'] }, follow, follow)
  const found = tried.data.value
  if (!found || guide.value === 'hidden') return null
  const steps = stepsOf(found)
  if (steps.every(({ done }) => done)) return null
  const hide = () => {
    guide.value = 'hidden'
  }
  return component(
    Card,
    {
      title: found.charges.length === 0 ? 'Welcome: five things to try' : 'Five things to try',
      aside: button({ type: 'button', class: 'plain', onClick: hide }, 'Hide'),
      class: 'first-steps',
    },
    component(Steps, { steps }),
  )
}

function stepsOf({ charges, endpoints, keys }: Tried): readonly Step[] {
  const paid = charges.find(({ status, amount_refunded }) => status === 'succeeded' && amount_refunded === 0)
  const stay = { onMade: () => {} }
  const primary = charges.length === 0 ? 'button primary' : 'button'
  return [
    {
      title: 'Make a test payment',
      done: charges.some(({ amount_captured }) => amount_captured > 0),
      words: 'With a test card. No money moves. A program sends the same request:',
      action: div(
        { class: 'step-actions' },
        button(
          { type: 'button', class: primary, onClick: () => newPayment({ card: GOOD_CARD, ...stay }) },
          'Make a test payment',
        ),
        component(Command, { text: curl(me.value) }),
      ),
    },
    {
      title: 'See a decline',
      done: charges.some(({ decline_code }) => decline_code !== null),
      words: 'The next card has no money. The page of the payment says which bank declined it, and why.',
      action: button(
        { type: 'button', class: 'button', onClick: () => newPayment({ card: BAD_CARD }) },
        'Try a declined card',
      ),
    },
    {
      title: 'Refund a half',
      done: charges.some(({ amount_refunded }) => amount_refunded > 0),
      words: 'Open the payment that succeeded, and choose Refund there.',
      action: paid ? a({ class: 'button', href: href(`/payments/${paid.id}`) }, 'Open the payment') : null,
    },
    {
      title: 'Receive its webhooks',
      done: endpoints > 0,
      words:
        'Every change becomes an event. Forward events to a program on this machine with the first command, or add an endpoint.',
      action: div(
        { class: 'step-actions' },
        component(Command, { text: LISTEN }),
        can('webhooks:write') ? a({ class: 'button', href: href('/webhooks') }, 'Add an endpoint') : null,
      ),
    },
    {
      title: 'Make a key',
      done: keys > 0,
      words: 'From the first key on, each request needs one, and you sign in here with it. So do this last.',
      action: can('keys:write') ? a({ class: 'button', href: href('/keys') }, 'Make a key') : null,
    },
  ]
}
