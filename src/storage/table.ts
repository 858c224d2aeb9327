/**
 * A noun as a table. Each property of a noun is one column, listed once in `storage/columns`. Both engines derive their
 * rows and their statements from that list.
 */
import { decodeRoute, encodeRoute, type Route } from '../domain/attempt.ts'
import type { IdPrefix } from '../domain/id.ts'

export type Value = string | number | null
export type Row = readonly Value[]

/** A column's type, by its PostgreSQL name; SQLite has only INTEGER and TEXT. */
export type ColumnType = 'integer' | 'smallint' | 'bigint' | 'text'

type Codec = {
  readonly type: ColumnType
  /** Converts a property to a stored value and back; absent if they are the same. */
  readonly encode?: (property: never) => Value
  readonly decode?: (value: never) => unknown
}

const isSet = (flag: boolean): number => (flag ? 1 : 0)
const jsonOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
const parseJson = (text: string | null): unknown => (text === null ? null : JSON.parse(text))

/** The JSON of an object; null for an empty one. */
export function recordText(record: object): string | null {
  for (const _ in record) return JSON.stringify(record)
  return null
}

const CODECS = {
  text: { type: 'text' },
  integer: { type: 'integer' },
  /** An amount in minor units, or a time in ms since 1970. */
  bigint: { type: 'bigint' },
  flag: { type: 'smallint', encode: isSet, decode: (value: number) => value === 1 },
  json: { type: 'text', encode: jsonOf, decode: parseJson },
  route: {
    type: 'text',
    encode: (route: Route | null) => route && encodeRoute(route),
    decode: (text: string | null) => (text === null ? null : decodeRoute(text)),
  },
  /** A JSON object; an empty one is stored as NULL. */
  record: { type: 'text', encode: recordText, decode: (text: string | null) => parseJson(text) ?? {} },
} as const satisfies Record<string, Codec>
type Kind = keyof typeof CODECS

/** The kinds of column that can store a property of this type. */
type KindOf<V> = [NonNullable<V>] extends [boolean]
  ? 'flag'
  : [NonNullable<V>] extends [string]
    ? 'text'
    : [NonNullable<V>] extends [number]
      ? 'integer' | 'bigint'
      : [NonNullable<V>] extends [Route]
        ? 'route'
        : 'json' | 'record'

export type Spec<K extends Kind = Kind> = {
  readonly kind: K
  /** Whether it may change after the insert. */
  readonly changes?: true
  /** The column's name, if it is not the property's in snake_case. */
  readonly name?: string
}
/** One column for each property: the type checker finds a missing one, a misspelt one and one of a wrong kind. */
export type Specs<T> = { readonly [P in keyof T]-?: Spec<KindOf<T[P]>> }

export const text: Spec<'text'> = { kind: 'text' }
export const integer: Spec<'integer'> = { kind: 'integer' }
export const amount: Spec<'bigint'> = { kind: 'bigint' }
export const time: Spec<'bigint'> = { kind: 'bigint' }
export const flag: Spec<'flag'> = { kind: 'flag' }
export const json: Spec<'json'> = { kind: 'json' }
export const route: Spec<'route'> = { kind: 'route' }
export const record: Spec<'record'> = { kind: 'record' }

/** The same column, of a property that may change after the insert. */
export const changing = <K extends Kind>(spec: Spec<K>): Spec<K> => ({ ...spec, changes: true })
/** The same column under a name of its own. */
export const named = <K extends Kind>(name: string, spec: Spec<K>): Spec<K> => ({ ...spec, name })

export type Column<T> = {
  readonly name: string
  readonly property: keyof T & string
  readonly type: ColumnType
  readonly changes: boolean
  read(item: T): Value
}

/** A table whose rows are listed by their ids. */
export type Table<T> = Rows<T> & {
  readonly name: ListedName
  /** The prefix of its rows' ids. */
  readonly prefix: IdPrefix
}

export type Rows<T> = {
  readonly name: string
  /** The columns that identify a row. */
  readonly key: readonly string[]
  /** All columns except `account_id` and `live`: first the rest of the key, then those that change, then the others. */
  readonly columns: readonly Column<T>[]
  /** The names of those that change. */
  readonly changing: readonly string[]
  /** The index of each property in a row. */
  readonly at: Readonly<Record<keyof T, number>>
  /** Its values, in the order of the columns. */
  row(item: T): Value[]
  /** The beginning of its row: `id` or `key`, and the columns that change. The item needs only these properties. */
  changedRow(item: Partial<T>): Value[]
  /** The changing values of a complete or partial row. */
  changesOf(row: Row): Row
  /** The item of a row that was read with the columns of `selected`. */
  of(found: object): T
}

export type ListedName =
  | 'charges'
  | 'refunds'
  | 'disputes'
  | 'attempts'
  | 'alarms'
  | 'access_keys'
  | 'audit_log'
  | 'webhook_endpoints'
  | 'webhook_deliveries'
  | 'webhook_replays'

const SCOPED_KEY = ['account_id', 'live', 'id']

/** The table of a noun whose rows have a scope and an `id`. */
export function table<T extends { readonly id: string }>(
  name: ListedName,
  prefix: IdPrefix,
  specs: Specs<T>,
  key: readonly string[] = SCOPED_KEY,
): Table<T> {
  return { ...rows<T, typeof name>(name, key, specs), prefix }
}

/** The table of a noun whose rows have a scope. */
export function rows<T, N extends string = string>(
  name: N,
  key: readonly string[],
  specs: Specs<T>,
): Rows<T> & { readonly name: N } {
  const columns = columnsOf<T>(specs, key.at(-1))
  const properties = columns.map(({ property }) => property)
  const at = Object.fromEntries(properties.map((property, i) => [property, i])) as Record<keyof T, number>
  const codecs = properties.flatMap((property) => {
    const { encode, decode } = CODECS[specs[property].kind] as Codec
    return encode && decode ? [{ place: at[property], property, encode, decode }] : []
  })
  const changing = namesOf(columns.filter(({ changes }) => changes))
  const changed = properties.slice(0, 1 + changing.length)
  const changedCodecs = codecs.filter(({ place }) => place < changed.length)
  return {
    name,
    key,
    columns,
    changing,
    at,
    row: rowReader<T>(properties, codecs),
    changedRow: rowReader<T>(changed, changedCodecs) as (item: Partial<T>) => Value[],
    changesOf: (row) => row.slice(1, 1 + changing.length),
    of(found) {
      const item = { ...found } as Record<string, unknown>
      for (const { property, decode } of codecs) item[property] = decode(item[property] as never)
      return item as T
    },
  }
}

/**
 * A function that reads these properties, made for its noun: V8 knows the shape of what it reads, and a loop over the names
 * takes four times as long.
 */
function rowReader<T>(
  properties: readonly (keyof T & string)[],
  codecs: readonly { readonly place: number; readonly encode: NonNullable<Codec['encode']> }[],
): (item: T) => Value[] {
  const values = properties.map((property) => `item.${property}`)
  codecs.forEach(({ place }, i) => {
    values[place] = `encode[${i}](${values[place]})`
  })
  const make = new Function('encode', `return (item) => [${values.join(', ')}]`)
  return make(codecs.map(({ encode }) => encode))
}

function columnsOf<T>(specs: Specs<T>, identity: string | undefined): Column<T>[] {
  const columns = (Object.keys(specs) as (keyof T & string)[]).map((property): Column<T> => {
    const { kind, changes = false, name = snakeCase(property) } = specs[property]
    const { type, encode } = CODECS[kind] as Codec
    return { name, property, type, changes, read: propertyReader(property, encode) }
  })
  const [id, changes, fixed] = [
    columns.filter(({ name }) => name === identity),
    columns.filter(({ changes }) => changes),
    columns.filter(({ name, changes }) => name !== identity && !changes),
  ]
  return [...id, ...changes, ...fixed]
}

/** A function of its own for each property, for the reason of `rowReader`. */
function propertyReader<T>(property: string, encode: Codec['encode']): (item: T) => Value {
  const make = new Function(
    'encode',
    `return (item) => ${encode ? `encode(item.${property})` : `item.${property}`}`,
  )
  return make(encode)
}

const snakeCase = (property: string) => property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The names of columns. */
export function namesOf<T>(columns: readonly Column<T>[]): string[] {
  return columns.map(({ name }) => name)
}

/**
 * The SELECT list to read items. `made` has the SQL of properties that an engine does not store in the column of their
 * name; `from` is the table's name in the statement, if another table has columns of the same name.
 */
export function selectList<T>(
  { columns }: Rows<T>,
  made: { readonly [P in keyof T]?: string } = {},
  from?: string,
): string {
  const own = from === undefined ? '' : `${from}.`
  return columns
    .map(({ name, property }) => `${made[property] ?? `${own}${name}`} AS "${property}"`)
    .join(', ')
}
