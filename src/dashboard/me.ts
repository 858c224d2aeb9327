/** Who the reader is, and what the reader may do. */
import { signal } from '@preact/signals'
import type { MeView } from '../api/minipay/me-schemas.ts'
import type { Permission } from '../domain/access/permissions.ts'
import { ApiError, api, signedOut } from './api.ts'
import { proof } from './preferences.ts'

/** Undefined until the server has said so. */
export const me = signal<MeView | undefined>(undefined)
/** Why `me` could not be loaded. */
export const meError = signal<ApiError | undefined>(undefined)

/** The address of the server for others: as it is configured, or that of the page. */
export const serverAddress = (): string =>
  me.value?.public_url ?? (typeof location === 'undefined' ? 'http://127.0.0.1:8080' : location.origin)

/** Whether to draw what needs this permission. The server decides what is done. */
export function can(permission: Permission): boolean {
  return me.value?.permissions.includes(permission) ?? false
}

/** False: the server does not say, mostly because no person is signed in. */
export async function loadMe(): Promise<boolean> {
  try {
    me.value = await api.get<MeView>('/me')
    meError.value = undefined
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status !== 401) meError.value = error
    return false
  }
}

/**
 * Continues with the session that this browser has now: it may be a new one, or that of another tab. What is shown of
 * another account, mode or key is loaded again. False: the server does not accept it.
 */
export async function resume(): Promise<boolean> {
  const before = me.value
  // Everything that the page has shown goes with the session that another tab ended.
  if (before?.key && proof() === undefined) location.reload()
  const found = await loadMe()
  if (found && before && before.key?.id !== me.value?.key?.id) location.reload()
  else if (found) signedOut.value = false
  return found
}
