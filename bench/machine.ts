/** The machine of a run: without it, the numbers mean little. */
import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median } from './bench.ts'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryGB: number
  readonly system: string
  readonly node: string
  readonly fileSystem: string
  /** Median time to write and sync 4 KiB, in µs. */
  readonly syncMicros: number
}

/** Of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'XFS',
  2435016766: 'Btrfs',
  801189825: 'ZFS',
  4076150800: 'F2FS',
  2035054128: 'overlayfs',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
}
const SYNCS = 300
const PAGE_BYTES = 4096

export function fileSystem(folder: string): string {
  const { type } = statfsSync(folder)
  return FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`
}

/** True for file systems in memory, where a sync costs nothing. */
export function inMemory(folder: string): boolean {
  return ['tmpfs', 'ramfs'].includes(fileSystem(folder))
}

export function describeMachine(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    system: type(),
    node: process.version,
    fileSystem: fileSystem(folder),
    syncMicros: Math.round(syncCost(join(folder, 'sync-probe'))),
  }
}

function syncCost(file: string): number {
  const fd = openSync(file, 'w')
  try {
    const page = Buffer.alloc(PAGE_BYTES, 1)
    const micros: number[] = []
    for (let i = 0; i < SYNCS; i++) {
      const start = performance.now()
      writeSync(fd, page, 0, PAGE_BYTES, i * PAGE_BYTES)
      fdatasyncSync(fd)
      micros.push((performance.now() - start) * 1000)
    }
    return median(micros)
  } finally {
    closeSync(fd)
    rmSync(file)
  }
}
