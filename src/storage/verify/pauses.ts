/** Paused providers against the audit log, which records each pause and each resumption in the same transaction. */
import type { Json, Row } from './aggregate.ts'

/** What the log says of one pause: the facts of the last one of each scope, or null once it ended, and of each there was. */
type Logged = { readonly provider: string; readonly last: Map<string, Facts | null>; readonly every: Facts[] }
type Facts = { readonly reason: unknown; readonly by: unknown }

export const PAUSES = () =>
  'SELECT account_id, live, provider, all_accounts, reason, paused_by FROM provider_pauses ORDER BY 1, 2, 3, 4'

/** A pause for all accounts is in the mode of its provider, and its entries are in that of the person's key. */
const nameOf = (scope: string, provider: unknown, allAccounts: boolean) =>
  allAccounts ? `all ${provider}` : `${scope} ${provider}`

/** Notes the entries about providers, in the order of each scope. */
export class LoggedPauses {
  readonly #logged = new Map<string, Logged>()

  note(scope: string, { action, object, actor }: Row, after: Json): void {
    const name = nameOf(scope, object, after['all_accounts'] === true)
    const logged: Logged = this.#logged.get(name) ?? { provider: String(object), last: new Map(), every: [] }
    this.#logged.set(name, logged)
    const facts = action === 'provider.paused' ? { reason: after['reason'], by: actor } : null
    logged.last.set(scope, facts)
    if (facts !== null) logged.every.push(facts)
  }

  /**
   * The first pause that is not as the log says, as a sentence. Entries of several scopes have no common order, so the
   * last one of any of them counts. Of a pause for all accounts every entry counts: it stays in the mode that its provider
   * had, and the entries do not say which that was.
   */
  problem(stored: readonly (Row & { readonly scope: string })[]): string | undefined {
    const found = new Set<string>()
    for (const { scope, provider, all_accounts: all, reason, paused_by: by } of stored) {
      const name = nameOf(scope, provider, Number(all) === 1)
      found.add(name)
      const { last, every } = this.#logged.get(name) ?? { last: new Map<string, Facts>(), every: [] }
      const told = Number(all) === 1 ? every : [...last.values()]
      if (!told.some((facts) => facts !== null && facts.reason === reason && facts.by === by))
        return `The pause of the provider ${provider} is not as the audit log says.`
    }
    for (const [name, { provider, last }] of this.#logged)
      if (!found.has(name) && ![...last.values()].includes(null))
        return `The audit log says that the provider ${provider} is paused, and there is no pause.`
    return undefined
  }
}
