/** What the core writes to a log: an object of fields, then a sentence. Never a secret, never a body. */
export type Log = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** Writes the lines that wait for more: before work that occupies the thread. */
  drain?(): void
}
