import type { BindConfig, Submittable, Connection as Wire } from 'pg'
import type { StatementError } from './errors.ts'

/** A statement. `text` is one of MiniPay's constants, prepared once on each connection, and never built from input. */
export type Statement = { readonly text: string; readonly values?: readonly (string | number | null)[] }

/** A row by column name: `bigint` becomes a safe integer, `numeric` a bigint, every other type a text. */
export type Row = Readonly<Record<string, string | number | bigint | null>>

/** The rows and the number of changes of one statement. */
export type Result = { readonly rows: Row[]; readonly count: number }

type Field = { readonly name: string; readonly dataTypeID: number }
/** A prepared statement of a connection: its name, and the columns of its rows once the server has sent them. */
export type Prepared = { readonly name: string; fields?: readonly Field[] }

const OID = { int8: 20, int2: 21, int4: 23, numeric: 1700 } as const

/**
 * Statements that are sent in one round trip: one Sync follows the last, so after a failed statement the server runs
 * none of the rest. The driver treats them as one query.
 */
export class Batch implements Submittable {
  readonly done: Promise<Result[]>
  readonly #statements: readonly Statement[]
  readonly #prepared: Map<string, Prepared>
  readonly #newName: () => string
  readonly #using: Prepared[] = []
  readonly #results: Result[] = []
  readonly #resolve: (results: Result[]) => void
  readonly #reject: (error: StatementError) => void
  /** Statements that the server has not parsed yet. */
  readonly #parsing: { readonly text: string; readonly statement: Prepared }[] = []
  #ignoreParsed = () => {}
  #rows: Row[] = []

  constructor(statements: readonly Statement[], prepared: Map<string, Prepared>, newName: () => string) {
    const { promise, resolve, reject } = Promise.withResolvers<Result[]>()
    this.done = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#statements = statements
    this.#prepared = prepared
    this.#newName = newName
  }

  submit(wire: Wire): void {
    wire.stream.cork()
    for (const { text, values = [] } of this.#statements) {
      const mine = this.#using.find((_, i) => this.#statements[i]?.text === text)
      const prepared = mine ?? this.#prepared.get(text)
      const statement = prepared ?? { name: this.#newName() }
      if (!prepared) {
        wire.parse({ name: statement.name, text, types: [] }, true)
        this.#parsing.push({ text, statement })
      }
      const bound: BindConfig = { statement: statement.name, values: values.map(asText) }
      wire.bind(bound, true)
      // The driver requests the columns once.
      if (!mine && !statement.fields) wire.describe({ type: 'P', name: '' }, true)
      wire.execute({ portal: '' }, true)
      this.#using.push(statement)
    }
    wire.sync()
    wire.stream.uncork()
    if (this.#parsing.length > 0) this.#rememberParsed(wire)
  }

  /**
   * The server keeps each statement that it parsed, even if it failed later, and parses nothing after a failed
   * statement. The driver reports this message only to its own queries.
   */
  #rememberParsed(wire: Wire): void {
    const onParsed = () => {
      const parsed = this.#parsing.shift()
      if (parsed) this.#prepared.set(parsed.text, parsed.statement)
    }
    const ignoreParsed = () => wire.off('parseComplete', onParsed)
    wire.on('parseComplete', onParsed)
    this.#ignoreParsed = ignoreParsed
  }

  handleRowDescription({ fields }: { fields: Field[] }): void {
    const statement = this.#using[this.#results.length]
    if (statement) statement.fields = fields
  }

  handleDataRow({ fields: values }: { fields: (string | null)[] }): void {
    const { fields = [] } = this.#using[this.#results.length] as Prepared
    const row: Record<string, string | number | bigint | null> = {}
    for (let i = 0; i < fields.length; i++) {
      const { name, dataTypeID } = fields[i] as Field
      row[name] = decoded(values[i] ?? null, dataTypeID)
    }
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { text: string }): void {
    const statement = this.#using[this.#results.length]
    // The driver requested its columns, and it has none.
    if (statement) statement.fields ??= []
    this.#results.push({ rows: this.#rows, count: Number(/\d+$/.exec(text)?.[0] ?? 0) })
    this.#rows = []
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  handleError(error: StatementError): void {
    this.#ignoreParsed()
    this.#reject(error)
  }

  handleReadyForQuery(): void {
    this.#ignoreParsed()
    this.#resolve(this.#results)
  }
}

function asText(value: string | number | null): string | null {
  return typeof value === 'number' ? String(value) : value
}

function decoded(value: string | null, type: number): string | number | bigint | null {
  if (value === null) return null
  if (type === OID.int8 || type === OID.int4 || type === OID.int2) return Number(value)
  return type === OID.numeric ? BigInt(value) : value
}
