/** Keeps the page of a payment current. */
import { useEffect, useMemo } from 'preact/hooks'
import { useEvents } from '../live.ts'
import type { Resource } from '../resource-types.ts'
import { type Beside, loadBeside, loadPayment, type Payment } from './load.ts'

/** Lookups store no event, so the page looks again while an outcome is open. */
const OPEN_MS = 3_000
const isOpen = ({ charge, attempts }: Payment) =>
  charge.status === 'processing' ||
  attempts.some(({ status }) => ['sending', 'pending', 'unknown'].includes(status))

type Shown<B> = {
  readonly payment: Resource<Payment>
  readonly beside: Resource<B>
  /** Loads both again. */
  readonly reload: () => void
}

/** Follows the events of the payment, and looks for itself while an outcome is open, and after skipped events. */
export function usePaymentLive<B extends { readonly found: Beside }>(
  id: string,
  { payment, beside, reload }: Shown<B>,
): void {
  const leaving = useMemo(() => new AbortController(), [id])
  useEffect(() => () => leaving.abort(), [leaving])
  const isHere = () => !leaving.signal.aborted
  // Quietly: `reload` would dim the page each time. A look that fails is followed by the next one.
  const look = () => {
    if (document.hidden) return
    void loadPayment(id, leaving).then(
      (now) => isHere() && payment.update(() => now),
      () => {},
    )
  }
  const lookBeside = () =>
    void loadBeside(id, leaving).then(
      (found) => isHere() && beside.update((shown) => ({ ...shown, found })),
      () => {},
    )
  useEvents({ object: id }, reload, () => {
    look()
    lookBeside()
  })
  const open = payment.data.value !== undefined && isOpen(payment.data.value)
  useEffect(() => {
    if (!open) return undefined
    const timer = setInterval(look, OPEN_MS)
    return () => clearInterval(timer)
  }, [open, id])
}
