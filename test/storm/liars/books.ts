/** Everything that MiniPay says at the end of a storm of liars, as it says it to anyone. */
import { type Lists, readLists } from '../../kit/books.ts'

export type Books = Omit<Lists, 'accounts'>

export function readBooks(url: string): Promise<Books> {
  return readLists(url, 'charges', 'refunds', 'attempts', 'disputes', 'alarms', 'entries', 'events')
}
