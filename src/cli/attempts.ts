/** `minipay attempts`: provider calls with an unknown outcome, and resolving one by hand. */
import type { AttemptView } from '../api/minipay/attempt-schemas.ts'
import { moneyText } from '../domain/money.ts'
import type { ApiClient } from './api.ts'

const PATH = '/api/v1/attempts'

type Page = { readonly data: readonly AttemptView[]; readonly has_more: boolean }

/** Prints every unknown attempt, then the pending ones, each the newest first. Returns the exit status. */
export async function attemptsList(api: ApiClient): Promise<number> {
  let printed = 0
  for (const status of ['unknown', 'pending']) {
    for (let cursor = ''; ; ) {
      const { data, has_more } = await api.get<Page>(`${PATH}?status=${status}&limit=100${cursor}`)
      for (const attempt of data) console.log(line(attempt))
      printed += data.length
      if (!has_more) break
      cursor = `&starting_after=${data.at(-1)?.id}`
    }
  }
  if (printed === 0) console.log('No attempt is unknown or pending.')
  else
    console.error(
      '\nFind out from the provider what it did, then record the outcome:\n  minipay attempts resolve ID succeeded|failed [REFERENCE] [--amount N]',
    )
  return 0
}

/**
 * Resolves an attempt by hand, or corrects it: the outcome at the provider, its reference if the attempt has none, and
 * the moved amount in minor units if it is less than requested. Returns the exit status.
 */
export async function attemptsResolve(
  api: ApiClient,
  id: string,
  outcome: 'succeeded' | 'failed',
  { reference, amount }: { readonly reference: string | undefined; readonly amount: number | undefined },
): Promise<number> {
  const attempt = await api.post<AttemptView>(`${PATH}/${encodeURIComponent(id)}/resolve`, {
    outcome,
    ...(reference !== undefined && { provider_reference: reference }),
    ...(amount !== undefined && { amount }),
  })
  console.log(line(attempt))
  return 0
}

function line({
  id,
  transaction_id,
  kind,
  provider,
  status,
  amount,
  currency,
  ...attempt
}: AttemptView): string {
  const why = attempt.reason ? `: ${attempt.reason}` : ''
  return `${id}  ${status}  ${kind} ${moneyText(amount, currency)} at ${provider} for ${transaction_id}, ${attempt.started_at}, ${attempt.lookups} lookups${why}`
}
