/**
 * A time as RFC 3339 writes it (https://www.rfc-editor.org/rfc/rfc3339#section-5.6), in ms since 1970: `T` and `Z` in either
 * case, a space in place of the `T`, any number of digits after the second, an offset, and a leap second. Beyond it the
 * second may be absent, and the offset, which makes it UTC whatever the machine's time zone is. Undefined when it is no
 * time, such as February 30.
 */
export function rfc3339(text: string): number | undefined {
  const parts = FORM.exec(text)?.groups
  if (!parts) return undefined
  const part = (name: string) => Number(parts[name] ?? 0)
  const [year, month, day] = [part('year'), part('month'), part('day')]
  const [hour, minute, second] = [part('hour'), part('minute'), part('second')]
  const [offsetHour, offsetMinute] = [part('offsetHour'), part('offsetMinute')]
  if (hour > 23 || minute > 59 || second > 60 || offsetHour > 23 || offsetMinute > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  const offset = (parts['sign'] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute)
  const minutes = date.getTime() / MINUTE_MS + hour * 60 + minute - offset
  // A leap second is the last one of a day in UTC.
  if (second === 60 && ((minutes + 1) * MINUTE_MS) % DAY_MS !== 0) return undefined
  const ms = Math.floor(Number(`0.${parts['fraction'] ?? 0}`) * 1_000)
  return minutes * MINUTE_MS + second * 1_000 + ms
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const FORM =
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)[Tt ](?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d{1,20}))?)?(?:[Zz]|(?<sign>[+-])(?<offsetHour>\d\d):?(?<offsetMinute>\d\d))?$/
