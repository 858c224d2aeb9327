/** Who the reader is, and what the reader may do. */
import { signal } from '@preact/signals'
import { PERMISSIONS, type Permission } from '../domain/access/permissions.ts'
import { ApiError, api } from './api.ts'

export type Me = {
  readonly account: { readonly id: string; readonly name: string | null }
  readonly mode: 'live' | 'test'
  /** Null without a key: a server on loopback before its first key. */
  readonly key: { readonly id: string; readonly name: string | null } | null
  readonly permissions: readonly string[]
  readonly version?: string
  readonly features?: readonly string[] | Readonly<Record<string, unknown>>
}

/** A server without the endpoint: the page draws everything, and the server decides. */
const UNNAMED: Me = {
  account: { id: 'acc_operator', name: null },
  mode: 'test',
  key: null,
  permissions: PERMISSIONS,
}

/** Undefined until the server has said so. */
export const me = signal<Me | undefined>(undefined)
/** Why `me` could not be loaded. */
export const meError = signal<ApiError | undefined>(undefined)

/** Whether to draw what needs this permission. The server decides what is done. */
export function can(permission: Permission): boolean {
  return me.value?.permissions.includes(permission) ?? false
}

export async function loadMe(): Promise<void> {
  try {
    me.value = await api.get<Me>('/me')
    meError.value = undefined
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 401) return
    if (error.code === 'route_not_found') me.value = UNNAMED
    else meError.value = error
  }
}
