/** The part of the store port about the database itself. */

/** A process that has the database open. */
export type StoreNode = {
  readonly id: string
  /** Its last heartbeat, in ms since 1970 by the store's clock. */
  readonly seenAt: number
  /** Whether it is this process. */
  readonly isOwn: boolean
}

export type SystemFacts = {
  readonly engine: 'sqlite' | 'postgresql'
  /** Of the engine, such as `3.50.4` or `17.2`. */
  readonly version: string
  /** The room that the database takes, without a write-ahead log, in bytes. */
  readonly databaseBytes: number
  /** The room left on the database's disk, in bytes; null: the engine cannot tell. */
  readonly freeBytes: number | null
  /** The first hundred live nodes by id; null with an engine that one process alone opens. */
  readonly nodes: readonly StoreNode[] | null
}

export type SystemStore = {
  /** Reads facts that the engine keeps: it costs the same however much the database stores. */
  systemFacts(): Promise<SystemFacts>
}
