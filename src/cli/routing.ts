/** `minipay routing`: the routing rules of a running server. */

import { readFileSync } from 'node:fs'
import type { RuleSetView } from '../api/minipay/routing-schemas.ts'
import type { SimulationView } from '../api/minipay/simulation-schemas.ts'
import type { Problem } from '../domain/routing/rule-set.ts'
import { type ApiClient, ApiError } from './api.ts'

const PATH = '/api/v1/routing'

/** Prints the current rule set, in the form that `routing set` accepts. Returns the exit status. */
export async function routingShow(api: ApiClient): Promise<number> {
  const { version, document } = await api.get<RuleSetView>(PATH)
  console.log(JSON.stringify(document, null, 2))
  console.error(
    version === 0 ? 'No rule set is stored. These are the built-in rules.' : `Version ${version}.`,
  )
  return 0
}

/** Replaces the rule set by the one in a file. If the server refuses it, prints every problem and returns 1. */
export async function routingSet(api: ApiClient, file: string): Promise<number> {
  return listingProblems(file, async (document) => {
    const { version } = await api.put<RuleSetView>(PATH, { document })
    console.log(`Stored as version ${version}.`)
  })
}

/** Goes back to the built-in rules: every provider in the order of the configuration. */
export async function routingReset(api: ApiClient): Promise<number> {
  const { version } = await api.delete<RuleSetView>(PATH)
  console.log(`Stored as version ${version}: every provider in the order of the configuration.`)
  return 0
}

/** Prints the effect of the rule set in a file on the newest charges. */
export async function routingSimulate(api: ApiClient, file: string, last = 1000): Promise<number> {
  return listingProblems(file, async (rules) => {
    const result = await api.post<SimulationView>(`${PATH}/simulate`, { rules, last })
    console.log(JSON.stringify(result.last, null, 2))
  })
}

async function listingProblems(file: string, run: (document: unknown) => Promise<void>): Promise<number> {
  try {
    await run(readDocument(file))
    return 0
  } catch (error) {
    const problems = error instanceof ApiError ? problemsOf(error.body) : []
    if (problems.length === 0) throw error
    for (const { path, position, message } of problems) {
      const place = position ? `:${position.line}:${position.column}` : ''
      console.error(`${file}: ${path}${place}: ${message}`)
    }
    return 1
  }
}

function readDocument(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`There is no file ${file}.`)
    throw new Error(`${file} can't be read as JSON: ${(error as Error).message}`)
  }
}

function problemsOf(body: unknown): readonly Problem[] {
  const { problems } = (body ?? {}) as { problems?: readonly Problem[] }
  return problems ?? []
}
