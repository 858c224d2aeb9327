/** The endpoint that a client with a wrong path probably meant. */
import { suggest } from '../suggest.ts'

/** Longer paths are not compared. */
const MAX_PATH = 200

/**
 * The URL that is most like a path without its query, with `:id` in the place of an id; undefined when none is like it.
 * `otherNames` are what other APIs call our resources.
 */
export function nearEndpoint(
  path: string,
  urls: readonly string[],
  otherNames: Readonly<Record<string, string>>,
): string | undefined {
  if (path.length > MAX_PATH) return undefined
  const words = path
    .toLowerCase()
    .split('/')
    .filter((word) => word !== '' && word !== 'api' && !/^v\d$/.test(word))
    .map((word) => (/\d/.test(word) ? ':id' : word))
  const [first] = words
  if (first === undefined) return undefined
  const other = Object.hasOwn(otherNames, first) ? otherNames[first] : undefined
  const wanted = [...(other ? [other] : [first]), ...words.slice(1)].join('/')
  // Something done to one object, as in /charges/:id/refund, may be a resource of its own.
  const last = words.at(-1) as string
  const bare = new Map(urls.map((url) => [url.replace(/^\/(?:api\/v\d\/)?/, ''), url]))
  const names = [...bare.keys()].filter((name) => name !== '')
  const near =
    [wanted, ...(words.length > 1 ? [`${last}s`] : [])].find((name) => bare.has(name)) ??
    suggest(wanted, names)
  return near === undefined ? undefined : bare.get(near)
}
