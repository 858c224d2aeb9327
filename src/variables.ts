/** Environment variables that are nearly settings. */
import { suggest } from './suggest.ts'

export type Misspelt = { readonly variable: string; readonly meant: string }

/** The setting that a variable was probably meant to be. Some have no prefix, as `PORT`, so it compares without it. */
export function nearVariable(name: string, settings: ReadonlySet<string>): string | undefined {
  const bare = (variable: string) => variable.replace(/^MINIPAY_/, '')
  const near = suggest(bare(name), [...settings].map(bare))
  return [...settings].find((variable) => bare(variable) === near)
}

/**
 * Variables that look like misspelt settings without the prefix, such as `WEBHOOK_TARGT`. They may be another
 * program's, so they do not stop the start.
 */
export function misspeltVariablesOf(env: NodeJS.ProcessEnv, settings: ReadonlySet<string>): Misspelt[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('WEBHOOK') && !settings.has(name))
    .flatMap((variable) => {
      const meant = nearVariable(variable, settings)
      return meant === undefined ? [] : [{ variable, meant }]
    })
}
