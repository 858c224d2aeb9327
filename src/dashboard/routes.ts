/** Every screen with its place. One line a screen; the page preloads the screen of its path by this table. */
import type { VNode } from 'preact'

export type ScreenProps = {
  /** The variable parts of the path: `{ id: 'txn_…' }`. */
  readonly params: Readonly<Record<string, string>>
}
/** A screen's module. Screens are loaded when they are first shown. */
export type ScreenModule = { readonly default: (props: ScreenProps) => VNode }
export type Route = readonly [pattern: string, load: () => Promise<ScreenModule>]

export const ROUTES: readonly Route[] = [
  ['/', () => import('./screens/overview.ts')],
  ['/payments', () => import('./screens/payments.ts')],
  ['/payments/:id', () => import('./screens/payment.ts')],
  ['/refunds', () => import('./screens/refunds.ts')],
  ['/unresolved', () => import('./screens/unresolved.ts')],
  ['/disputes', () => import('./screens/disputes.ts')],
  ['/providers', () => import('./screens/providers.ts')],
  ['/alarms', () => import('./screens/alarms.ts')],
  ['/routing', () => import('./screens/routing.ts')],
  ['/ledger', () => import('./screens/ledger.ts')],
  ['/webhooks', () => import('./screens/webhooks.ts')],
  ['/webhooks/:id', () => import('./screens/webhook.ts')],
  ['/deliveries/:id', () => import('./screens/delivery.ts')],
  ['/events', () => import('./screens/events.ts')],
  ['/events/:id', () => import('./screens/event.ts')],
  ['/keys', () => import('./screens/keys.ts')],
  ['/audit', () => import('./screens/audit.ts')],
  ['/accounts', () => import('./screens/accounts.ts')],
  ['/system', () => import('./screens/system.ts')],
]
