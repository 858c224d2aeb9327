/** The places in the navigation. One line a place. */

import { signal } from '@preact/signals'
import type { Permission } from '../domain/access/permissions.ts'

export type NavigationItem = {
  readonly path: string
  readonly label: string
  /** Shown to readers who have it. */
  readonly needs?: Permission
  /** The key that follows `g`. */
  readonly key?: string
}
export type NavigationGroup = { readonly label: string; readonly items: readonly NavigationItem[] }

export const NAVIGATION: readonly NavigationGroup[] = [
  {
    label: 'Payments',
    items: [
      { path: '/', label: 'Overview', key: 'o' },
      { path: '/payments', label: 'Payments', needs: 'charges:read', key: 'p' },
      { path: '/unresolved', label: 'Unresolved', needs: 'operations:read', key: 'u' },
      { path: '/refunds', label: 'Refunds', needs: 'refunds:read' },
      { path: '/disputes', label: 'Disputes', needs: 'reports:read' },
    ],
  },
  {
    label: 'Money',
    items: [{ path: '/ledger', label: 'Ledger', needs: 'reports:read' }],
  },
  {
    label: 'Operations',
    items: [
      { path: '/providers', label: 'Providers', needs: 'operations:read' },
      { path: '/routing', label: 'Routing', needs: 'routing:read', key: 'r' },
      { path: '/webhooks', label: 'Webhooks', needs: 'webhooks:read', key: 'w' },
      { path: '/events', label: 'Events', needs: 'webhooks:read' },
      { path: '/alarms', label: 'Alarms', needs: 'operations:read' },
    ],
  },
  {
    label: 'Settings',
    items: [
      { path: '/keys', label: 'API keys', needs: 'keys:read' },
      { path: '/accounts', label: 'Accounts', needs: 'accounts:read' },
      { path: '/audit', label: 'Audit log', needs: 'audit:read' },
      { path: '/system', label: 'System', needs: 'metrics:read' },
    ],
  },
]

/** Counts beside the places, by path: what waits for a person. `attention.ts` keeps them current. */
export const badges = signal<Readonly<Record<string, number>>>({})
