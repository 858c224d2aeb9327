export const MODES = ['test', 'live'] as const
/** Money moves in `live` mode alone. */
export type Mode = (typeof MODES)[number]

/** An account and a mode. Every row has its scope, and a caller never sees rows of another scope. */
export type Scope = { readonly accountId: number; readonly mode: Mode }

export function isSameScope(one: Scope, other: Scope): boolean {
  return one.accountId === other.accountId && one.mode === other.mode
}

/** The number of the operator's account, which the first migration makes. */
export const OPERATOR_ACCOUNT = 1
