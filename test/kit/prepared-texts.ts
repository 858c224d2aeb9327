import type { Connection } from '../../src/storage/sqlite/connection.ts'

/** The database with a note of every text that is prepared on it. */
export function watch(db: Connection): { watched: Connection; texts: string[] } {
  const texts: string[] = []
  const watched = new Proxy(db, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name !== 'prepare') return typeof value === 'function' ? value.bind(target) : value
      return (text: string) => {
        texts.push(text)
        return target.prepare(text)
      }
    },
  })
  return { watched, texts }
}
