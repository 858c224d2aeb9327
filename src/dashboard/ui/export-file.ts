/** Receives a list as CSV and saves it as a file. A link could not: it sends the cookie, but not the proof beside it. */
import { ApiError, asApiError, ownHeaders, respond } from '../api.ts'
import { component } from '../tags.ts'
import { Problem } from './dialog.ts'
import { toast } from './toast.ts'
import { type Export, savedLists } from './values.ts'

/** The browser keeps blobs outside the page's memory, mostly on disk, so the page holds a part of this size, in bytes. */
const PART = 4 * 1024 * 1024
/** By then the browser has begun to save the file, in ms. */
const SAVED_MS = 60_000

function show(address: string, shown: Export | undefined): void {
  const changed = new Map(savedLists.value)
  if (shown) changed.set(address, shown)
  else changed.delete(address)
  savedLists.value = changed
}

/** Saves the list at this address, once at a time. Nothing is saved of a list that broke off, and the button says why. */
export async function startExport(address: string): Promise<void> {
  if (savedLists.value.get(address)?.bytes !== undefined) return
  const stop = new AbortController()
  const end = () => {
    stop.abort()
    show(address, undefined)
  }
  const onBytes = (bytes: number) => show(address, { bytes, end })
  onBytes(0)
  try {
    const response = await respond(address, { headers: ownHeaders(), signal: stop.signal })
    const name = nameIn(response.headers.get('content-disposition'))
    save(await received(response, onBytes), name)
    show(address, undefined)
    toast(`Saved ${name}`)
  } catch (error) {
    if (!stop.signal.aborted)
      show(address, { failure: component(Problem, { error: asApiError(error) }), end })
  }
}

/** Throws `ApiError` if the connection ends before the list. */
async function received({ body, headers }: Response, onBytes: (bytes: number) => void): Promise<Blob> {
  const parts: Blob[] = []
  let pieces: Uint8Array<ArrayBuffer>[] = []
  let [inPieces, all] = [0, 0]
  try {
    for await (const piece of body ?? []) {
      pieces.push(piece)
      inPieces += piece.length
      if (inPieces < PART) continue
      parts.push(new Blob(pieces))
      all += inPieces
      ;[pieces, inPieces] = [[], 0]
      onBytes(all)
    }
  } catch {
    const message =
      'The list broke off before its end, so nothing was saved. Try again, or export fewer rows.'
    const code = 'export_cut'
    throw new ApiError(0, { error: message, code }, headers.get('x-request-id') ?? undefined)
  }
  return new Blob([...parts, ...pieces], { type: 'text/csv' })
}

/** The name that MiniPay gives the file. */
function nameIn(disposition: string | null): string {
  return /filename="([\w.-]+)"/.exec(disposition ?? '')?.[1] ?? 'list.csv'
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS)
}
