/** Who the reader is, and what the reader may do. */
import { signal } from '@preact/signals'
import type { MeView } from '../api/minipay/me-schemas.ts'
import type { Permission } from '../domain/access/permissions.ts'
import { ApiError, api } from './api.ts'

/** Undefined until the server has said so. */
export const me = signal<MeView | undefined>(undefined)
/** Why `me` could not be loaded. */
export const meError = signal<ApiError | undefined>(undefined)

/** Whether to draw what needs this permission. The server decides what is done. */
export function can(permission: Permission): boolean {
  return me.value?.permissions.includes(permission) ?? false
}

export async function loadMe(): Promise<void> {
  try {
    me.value = await api.get<MeView>('/me')
    meError.value = undefined
  } catch (error) {
    if (error instanceof ApiError && error.status !== 401) meError.value = error
  }
}
