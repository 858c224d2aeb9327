/** `minipay epoch`: the epochs of a database's event numbers, and a new one by hand. */
import { EPOCH_CAUSES, type Epoch } from '../domain/epoch.ts'
import { engineOf } from '../storage/engine.ts'

/** Prints every epoch, oldest first. Returns the exit status. */
export async function epochList(database: string): Promise<number> {
  const engine = await engineOf(database)
  for (const epoch of await engine.epochs()) console.log(line(epoch))
  return 0
}

/** Begins an epoch, as a restore does by itself. Returns the exit status. */
export async function epochBegin(database: string): Promise<number> {
  const engine = await engineOf(database)
  console.log(line(await engine.beginEpoch()))
  return 0
}

function line({ id, firstSequence, beganAt, cause }: Epoch): string {
  return `${id}  from ${firstSequence}  ${new Date(beganAt).toISOString()}  ${cause}: ${EPOCH_CAUSES[cause]}`
}
