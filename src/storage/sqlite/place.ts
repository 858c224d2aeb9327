/** Resolves the place of a database's file, and refuses places where it is not safe. */
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { SchemaMismatch } from '../migrations.ts'

/** SQLite's own files beside a database. */
export const COMPANIONS = ['-wal', '-shm'] as const

/** "MPay" in SQLite's application id, so that MiniPay does not use another program's database. */
export const APPLICATION_ID = 0x4d506179

/** The most links in a row, as in Linux. */
const MAX_LINKS = 40

/**
 * The file at a path, without symbolic links. It need not exist: a chain of links that ends nowhere leads to the file
 * that SQLite would create. Throws a sentence if the links form a circle.
 */
export function placeOf(path: string): string {
  let place = resolve(path)
  for (let links = 0; links <= MAX_LINKS; links++) {
    const folder = dirname(place)
    if (!existsSync(folder)) return place
    place = join(realpathSync(folder), basename(place))
    if (!lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) return place
    place = resolve(dirname(place), readlinkSync(place))
  }
  throw new Error(`${path} is a symbolic link that leads in a circle. Check --database.`)
}

/**
 * Throws a sentence that says what to do if the database is not safe at this place: another file, a second name, a
 * mount of the file alone, or a network file system (https://www.sqlite.org/howtocorrupt.html). Call it only before
 * this process opens the database.
 */
export function refuseUnsafePlace(place: string, application: number | null): void {
  refuseOtherFiles(place, application)
  refuseSecondNames(place)
  refuseMountedFile(place)
  const folder = dirname(place)
  if (existsSync(folder)) refuseNetwork(place, statfsSync(folder).type)
}

/**
 * Throws a sentence for a file of another program, which was named by mistake, before MiniPay changes its rights or
 * creates files beside it; `application` is null where only another kind of file is refused. Call it only before this
 * process opens the database: closing any descriptor of a file drops SQLite's locks on it
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
export function refuseOtherFiles(path: string, application: number | null = APPLICATION_ID): void {
  if (!existsSync(path)) return
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file. Check --database.`)
  const header = firstBytes(path, HEADER_BYTES)
  if (header.length > 0 && !header.toString('latin1').startsWith('SQLite format 3'))
    throw new Error(`${path} is not a SQLite database. Check --database.`)
  // A database whose content is still in its WAL has one page: opening it then says whose it is.
  const hasContent = header.length === HEADER_BYTES && header.readUInt32BE(PAGES_AT) > 1
  if (hasContent && application !== null && header.readUInt32BE(APPLICATION_AT) !== application)
    throw new SchemaMismatch(`${path} is a SQLite database, but not MiniPay's.`)
}

/** https://www.sqlite.org/fileformat2.html#the_database_header: the number of pages, and the application id. */
const [HEADER_BYTES, PAGES_AT, APPLICATION_AT] = [100, 28, 68]

function firstBytes(path: string, count: number): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(count)
    return bytes.subarray(0, readSync(descriptor, bytes))
  } finally {
    closeSync(descriptor)
  }
}

/** Under another name the file would have another WAL and another lock. */
function refuseSecondNames(place: string): void {
  if ((statSync(place, { throwIfNoEntry: false })?.nlink ?? 1) > 1)
    throw new Error(
      `${place} has another name, a hard link, under which it could be damaged. ` +
        `Find the names with find -samefile ${place}, and keep only one.`,
    )
}

/** If only the database is mounted, the WAL stays in the container, and the last charges are lost with it. */
function refuseMountedFile(place: string): void {
  const mounted = mountPoints()
  const found = ['', ...COMPANIONS, '-lock'].map((end) => place + end).find((file) => mounted.has(file))
  if (found !== undefined)
    throw new Error(
      `${found} is mounted without its folder, so the files beside it, which have the last charges, are missing. ` +
        `Mount the folder ${dirname(place)} instead.`,
    )
}

/** The mounted file systems of this process; empty if the system does not list them. */
function mountPoints(): ReadonlySet<string> {
  let text: string
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8')
  } catch {
    return new Set()
  }
  return new Set(text.split('\n').map(mountPointOf))
}

/** The mount point of a line of mountinfo (proc_pid_mountinfo(5)): blanks and backslashes are octal there. */
export function mountPointOf(line: string): string {
  return (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

/** File systems of more than one machine, by their magic numbers (statfs(2)): locks and shared memory fail on them. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x564c, 'NCP'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0xaad7aaea, 'PanFS'],
])

/** The name of a network file system; undefined for a local one. `type` is the field of statfs(2). */
export function networkFileSystem(type: number): string | undefined {
  // If the field is a signed 32-bit number, the highest bit makes it negative.
  return NETWORK.get(type >>> 0)
}

function refuseNetwork(place: string, type: number): void {
  const name = networkFileSystem(type)
  if (name !== undefined)
    throw new Error(
      `${place} is on ${name}, a network file system, where SQLite's locks do not work. ` +
        `Use a disk of this machine, or PostgreSQL.`,
    )
}

/** File systems that may or may not be remote: FUSE, 9P. */
const DOUBTFUL: ReadonlyMap<number, string> = new Map([
  [0x65735546, 'FUSE'],
  [0x01021997, '9P'],
])

/** A warning for a place that may not be safe; undefined without one. */
export function warningOf(place: string): string | undefined {
  const name = DOUBTFUL.get(statfsSync(dirname(place)).type >>> 0)
  return name === undefined
    ? undefined
    : `The database is on a file system of the kind ${name}. If another machine shares it, SQLite's locks do not work there.`
}

/** The files with the data that was saved from a database whose file was removed. */
const SAVED = ['.rescued-', '-wal.orphaned-'] as const

/** The rescued files beside a place, newest last. */
export function savedBeside(place: string): string[] {
  const name = basename(place)
  return readdirSync(dirname(place))
    .filter((other) => SAVED.some((kind) => other.startsWith(name + kind)))
    .sort()
    .map((other) => join(dirname(place), other))
}

/**
 * Throws a sentence if the database is missing and a rescued file is beside it: an empty database in its place would
 * lack every charge and every key.
 */
export function refuseMissing(place: string): void {
  if (existsSync(place) || !existsSync(dirname(place))) return
  const saved = savedBeside(place)
  const rescued = saved.filter((file) => file.startsWith(`${place}.rescued-`)).at(-1)
  if (rescued !== undefined)
    throw new Error(
      `${place} is missing, and ${rescued} has its charges. ` +
        `Put it back with minipay restore ${rescued}, or move it to another folder to begin with an empty database.`,
    )
  if (saved[0] !== undefined)
    throw new Error(
      `${place} is missing, and ${saved[0]} has some of its charges. ` +
        `Put the database back, or move that file to another folder to begin with an empty database.`,
    )
}
