/** Tests whether the disk has room for commits again, beside the database. */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { PRIVATE } from './private-file.ts'

/** More than any commit of one request needs. */
const ROOM = Buffer.alloc(1024 * 1024, 1)

/** Writes a megabyte into a separate file and deletes it: false if the disk has no room. */
export function hasRoom(file: string): boolean {
  const path = `${file}-room`
  try {
    const room = openSync(path, 'w', PRIVATE)
    try {
      if (writeSync(room, ROOM) < ROOM.length) return false
      fsyncSync(room)
      return true
    } finally {
      closeSync(room)
    }
  } catch {
    return false
  } finally {
    rmSync(path, { force: true })
  }
}
