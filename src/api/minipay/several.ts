/** A filter that takes several values of a closed set, separated by commas. */
import { reject } from '../../domain/error.ts'
import { Refused } from '../../http/errors.ts'
import { optional, string } from '../../http/schema.ts'
import { refusalOf } from '../errors.ts'

/** The parameter of such a filter. `about` says what it filters by, without its values. */
export function severalOf(values: readonly string[], about: string) {
  return optional(
    string({
      description: `${about} Several are separated by commas: ${values.map((value) => `\`${value}\``).join(', ')}.`,
      examples: [values.slice(0, 2).join()],
    }),
  )
}

/** The values in the text of a parameter, each once; undefined without it. Throws `Refused` for any other value. */
export function severalIn<T extends string>(
  param: string,
  text: string | undefined,
  values: readonly T[],
): readonly T[] | undefined {
  if (text === undefined) return undefined
  const given = text.split(',', values.length + 1)
  const known = values.filter((value) => given.includes(value))
  if (known.length > 0 && known.length === given.length) return known
  const message = `The parameter ${param} must be one or several of ${values.join(', ')}, each once, separated by commas.`
  throw new Refused(refusalOf(reject('parameter_invalid', message, param)))
}
