/** What V8 still keeps after collections of young objects: tests of code that must not keep what it is done with. */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

/**
 * The bytes that stay after `pass`, once young objects were collected. It runs twice: a collection of the whole heap after
 * the first time makes old objects of the lists and maps that `pass` uses.
 */
export async function bytesKept(pass: () => void | Promise<void>): Promise<number> {
  await pass()
  collect()
  const before = getHeapStatistics().used_heap_size
  await pass()
  for (let i = 0; i < 3; i++) collect({ type: 'minor' })
  return getHeapStatistics().used_heap_size - before
}
