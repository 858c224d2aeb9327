/** A browser in coarse words, so that a person recognises it in a list. MiniPay stores nothing else of its User-Agent. */

/** The first that fits: most browsers also name those that came before them. */
const BROWSERS: readonly [RegExp, string][] = [
  [/Edg(?:e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/(?:Firefox|FxiOS)\//, 'Firefox'],
  [/(?:Chrom(?:e|ium)|CriOS)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux|X11/, 'Linux'],
]

/** `Firefox on Linux` for a User-Agent; null for a program that is no known browser. */
export function browserWords(userAgent: string | undefined): string | null {
  if (userAgent === undefined) return null
  const nameIn = (names: readonly [RegExp, string][]) => names.find(([form]) => form.test(userAgent))?.[1]
  const [browser, system] = [nameIn(BROWSERS), nameIn(SYSTEMS)]
  if (browser === undefined) return null
  return system === undefined ? browser : `${browser} on ${system}`
}
