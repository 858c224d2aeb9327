const FORM = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

/** RFC 3339 in UTC of a date or a time with its zone; undefined for any other text, and for a date that does not exist. */
export function momentOf(text: string): string | undefined {
  const date = FORM.exec(text)?.[1]
  if (date === undefined) return undefined
  const [day, moment] = [new Date(date), new Date(text)]
  // 31 February becomes 3 March.
  if (Number.isNaN(day.getTime()) || Number.isNaN(moment.getTime())) return undefined
  return day.toISOString().startsWith(date) ? moment.toISOString() : undefined
}
