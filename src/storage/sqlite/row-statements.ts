/** The statements that write a row of one scope. */
import { namesOf, type Rows } from '../table.ts'

/** Its parameters are the scope and the row; `more` are columns after those of the table. */
export function insertRow<T>({ name, columns }: Rows<T>, more: readonly string[] = []): string {
  const all = ['account_id', 'live', ...namesOf(columns), ...more]
  return `
    INSERT INTO ${name} (${all.join(', ')})
    VALUES (${all.map(() => '?').join(', ')})`
}

/** Its parameters are the changing columns of the row, the values of `more`, and the row's key. */
export function updateRow<T>(table: Rows<T>, more: readonly string[] = []): string {
  const equal = (column: string) => `${column} = ?`
  return `
    UPDATE ${table.name}
    SET ${[...table.changing, ...more].map(equal).join(', ')}
    WHERE ${table.key.map(equal).join(' AND ')}`
}

/** Inserts a row, or updates the existing one; the parameters are those of `insertRow`. */
export function putRow<T>(table: Rows<T>, more: readonly string[] = []): string {
  return `${insertRow(table, more)}
    ON CONFLICT (${table.key.join(', ')}) DO UPDATE
    SET ${table.changing.map((column) => `${column} = excluded.${column}`).join(', ')}`
}
