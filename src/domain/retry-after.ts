/** `Retry-After`: seconds, or an HTTP date in one of the three forms of RFC 9110, section 5.6.7. */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const MONTH = `(${MONTHS.join('|')})`
const TIME = String.raw`(\d\d):(\d\d):(\d\d)`

/** Some servers send a fraction, which the RFC does not know. */
const SECONDS = /^\d+(\.\d+)?$/
const IMF = new RegExp(String.raw`^[a-z]{3}, (\d\d) ${MONTH} (\d{4}) ${TIME} GMT$`, 'i')
const RFC_850 = new RegExp(String.raw`^[a-z]{6,9}, (\d\d)-${MONTH}-(\d\d) ${TIME} GMT$`, 'i')
const ASCTIME = new RegExp(String.raw`^[a-z]{3} ${MONTH} ([ \d]\d) ${TIME} (\d{4})$`, 'i')

/**
 * The wait that a `Retry-After` header requests from `now` (ms since 1970), in ms: 0 for a time in the past, and for
 * text that is neither seconds nor a date. It may be very large; a number of seconds that is too long for a number is
 * `Infinity`.
 */
export function retryAfterMs(header: string, now: number): number {
  const text = header.trim()
  if (SECONDS.test(text)) return Math.ceil(Number(text) * 1_000)
  const at = dateMs(text, now)
  return at === undefined ? 0 : Math.max(0, at - now)
}

function dateMs(text: string, now: number): number | undefined {
  const imf = IMF.exec(text)
  if (imf) return utc(imf[3], imf[2], imf[1], imf.slice(4))
  const asctime = ASCTIME.exec(text)
  if (asctime) return utc(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6))
  const old = RFC_850.exec(text)
  return old ? utc(String(fullYear(Number(old[3]), now)), old[2], old[1], old.slice(4)) : undefined
}

/** A year of two digits that would be more than 50 years ahead is past (RFC 9110). */
function fullYear(digits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + digits
  return year > thisYear + 50 ? year - 100 : year
}

/** Undefined for a day or a time that does not exist. A leap second counts as the second before it. */
function utc(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: readonly string[],
): number | undefined {
  const [hour, minute, second] = time.map(Number) as [number, number, number]
  const [y, m, d] = [Number(year), MONTHS.indexOf((month ?? '').toLowerCase()), Number(day)]
  const lastDay = new Date(Date.UTC(y, m + 1, 0)).getUTCDate()
  if (hour > 23 || minute > 59 || second > 60 || d < 1 || d > lastDay) return undefined
  return Date.UTC(y, m, d, hour, minute, Math.min(second, 59))
}
