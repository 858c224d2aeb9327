/** An account and a mode. Every row has its scope, and a caller never sees rows of another scope. */
export type Scope = { readonly accountId: number; readonly mode: 'test' | 'live' }

/** The number of the operator's account, which the first migration makes. */
export const OPERATOR_ACCOUNT = 1
