/** `minipay epoch`: the epochs of a database's event numbers, and a new one by hand. */
import { EPOCH_CAUSES, type Epoch } from '../domain/epoch.ts'
import { beginEpochIn, epochsOf } from '../storage/database.ts'

/** Prints every epoch, oldest first. Returns the exit status. */
export async function epochList(database: string): Promise<number> {
  for (const epoch of await epochsOf(database)) console.log(line(epoch))
  return 0
}

/** Begins an epoch, as a restore does by itself. Returns the exit status. */
export async function epochBegin(database: string): Promise<number> {
  console.log(line(await beginEpochIn(database)))
  return 0
}

function line({ id, firstSequence, beganAt, cause }: Epoch): string {
  return `${id}  from ${firstSequence}  ${new Date(beganAt).toISOString()}  ${cause}: ${EPOCH_CAUSES[cause]}`
}
