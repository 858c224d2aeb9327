import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import { duration } from '../format.ts'
import { can, me, serverAddress } from '../me.ts'
import {
  curlOf,
  isCancelable,
  isCapturable,
  isRefundable,
  openCancel,
  openCapture,
  openRefund,
} from '../payments/actions.ts'
import { usePaymentLive } from '../payments/live.ts'
import { loadBeside, loadPayment, type Payment } from '../payments/load.ts'
import { type Chapter, storyOf } from '../payments/story.ts'
import { useResource } from '../resource.ts'
import { href } from '../router.ts'
import type { ScreenProps } from '../routes.ts'
import { button, code, component, div, fragment, p, span, type VNode } from '../tags.ts'
import { statusOf } from '../texts.ts'
import { Card } from '../ui/card.ts'
import { Loaded } from '../ui/empty.ts'
import { Later, Page } from '../ui/page.ts'
import { type Moment, Timeline } from '../ui/timeline.ts'
import { Amount, Badge, CopyButton, Id } from '../ui/values.ts'

const loadDetails = () => import('../payments/details.ts').then(({ ChargeDetails }) => ChargeDetails)

export default function PaymentScreen({ params }: ScreenProps): VNode {
  const id = params['id'] ?? ''
  const payment = useResource((signal) => loadPayment(id, { signal }), [id])
  // What is below the story is loaded after it, with its module.
  const beside = useResource(
    async (signal) => {
      const [found, { Below, paymentLink }] = await Promise.all([
        loadBeside(id, { signal }),
        import('../payments/cards.ts'),
      ])
      const link = (attempt: AttemptView) => paymentLink(attempt, found.pages.get(attempt.provider))
      return { found, Below, link }
    },
    [id],
  )
  const reload = () => {
    payment.reload()
    beside.reload()
  }
  usePaymentLive(id, { payment, beside, reload })
  const charge = payment.data.value?.charge
  return component(
    Page,
    {
      title: charge ? 'Payment' : `Payment ${id}`,
      ...(charge && {
        heading: fragment(component(Amount, charge), component(Badge, { status: charge.status })),
        actions: component(Actions, { charge, reload }),
      }),
      above: { label: 'Payments', href: href('/payments') },
      here: component(Id, { id, whole: true }),
    },
    Loaded({
      resource: payment,
      show: (data) =>
        div(
          { class: 'columns payment' },
          div(
            {},
            component(Story, { payment: data, link: beside.data.value?.link }),
            Loaded({
              resource: beside,
              show: ({ found, Below }) => component(Below, { found, payment: data }),
            }),
          ),
          component(Later<{ charge: ChargeView }>, { load: loadDetails, props: { charge: data.charge } }),
        ),
    }),
  )
}

/** The soft line of a chapter: its rule, and what else there is to know. */
function softLine({ rule, notes }: Chapter): VNode | null {
  if (rule === undefined && notes.length === 0) return null
  return fragment(
    rule === undefined ? null : fragment('Rule ', code({}, rule), notes.length > 0 ? ' · ' : ''),
    notes.join(' '),
  )
}

type StoryProps = {
  payment: Payment
  /** The way to an attempt's payment at the provider; undefined until it is loaded. */
  link: ((attempt: AttemptView) => VNode | null) | undefined
}

function Story({ payment: { charge, attempts }, link }: StoryProps): VNode {
  const moments = storyOf(attempts, charge).map((chapter): Moment => {
    const { attempt, operation } = chapter
    return {
      ...{
        key: attempt.id,
        tone: statusOf(attempt.status).tone,
        title: attempt.provider,
        at: attempt.started_at,
      },
      beside: fragment(
        component(Badge, { status: attempt.status }),
        operation ? span({}, operation) : null,
        !attempt.duration_ms ? null : span({ class: 'soft' }, duration(attempt.duration_ms)),
        link?.(attempt),
      ),
      ...{ sentence: chapter.sentence, soft: softLine(chapter) },
    }
  })
  return component(
    Card,
    { title: 'What happened' },
    moments.length > 0
      ? component(Timeline, { moments })
      : p({}, charge.failure_message ?? 'MiniPay called no provider.'),
    charge.cancel_requested
      ? p(
          { class: 'after-story' },
          'A cancel was requested. MiniPay carries it out once it knows the outcome.',
        )
      : null,
  )
}

function Actions({ charge, reload }: { charge: ChargeView; reload: () => void }): VNode {
  const write = can('charges:write')
  const main = { type: 'button', class: 'button primary' } as const
  return fragment(
    component(CopyButton, { value: charge.id, label: 'Copy id' }),
    component(CopyButton, {
      value: curlOf(serverAddress(), charge.id, me.value?.key !== null),
      label: 'Copy as curl',
    }),
    write && isCancelable(charge)
      ? button({ type: 'button', class: 'button', onClick: () => openCancel(charge, reload) }, 'Cancel…')
      : null,
    write && isCapturable(charge)
      ? button({ ...main, onClick: () => openCapture(charge, reload) }, 'Capture…')
      : null,
    can('refunds:write') && isRefundable(charge)
      ? button({ ...main, 'data-shortcut': 'r', onClick: () => openRefund(charge, reload) }, 'Refund…')
      : null,
  )
}
