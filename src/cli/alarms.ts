/** `minipay alarms`: lists the contradictions of providers, and closes them. */
import type { AlarmView } from '../api/minipay/alarm-schemas.ts'
import type { ApiClient } from './api.ts'

const PATH = '/api/v1/alarms'

type Page = { readonly data: readonly AlarmView[]; readonly has_more: boolean }

/** Prints every open alarm, the newest first. Returns the exit status. */
export async function alarmsList(api: ApiClient): Promise<number> {
  let printed = 0
  for (let cursor = ''; ; ) {
    const { data, has_more } = await api.get<Page>(`${PATH}?status=open&limit=100${cursor}`)
    for (const alarm of data) console.log(line(alarm))
    printed += data.length
    if (!has_more) break
    cursor = `&starting_after=${data.at(-1)?.id}`
  }
  if (printed === 0) console.log('No alarm is open.')
  else
    console.error(
      '\nFind out from the provider what happened, then close the alarm:\n  minipay alarms close ID REASON [AMOUNT]',
    )
  return 0
}

/** Closes one with a person's reason. With an amount in minor units, books that amount. Returns the exit status. */
export async function alarmsClose(
  api: ApiClient,
  id: string,
  reason: string,
  amount: number | undefined,
): Promise<number> {
  const alarm = await api.post<AlarmView>(`${PATH}/${encodeURIComponent(id)}/close`, {
    reason,
    ...(amount !== undefined && { amount }),
  })
  console.log(line(alarm))
  return 0
}

function line({ id, transaction_id, kind, provider, status, message, ...alarm }: AlarmView): string {
  const doubt = alarm.in_doubt ? ', no money moves' : ''
  const why = alarm.reason === null ? '' : ` (closed: ${alarm.reason})`
  return `${id}  ${status}  ${kind} at ${provider} for ${transaction_id}, ${alarm.opened_at}${doubt}: ${message}${why}`
}
