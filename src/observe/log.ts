import { type Logger, pino } from 'pino'
import { type LogOutput, standardOutput } from './log-output.ts'

export type Log = Logger

/**
 * A log of JSON lines, on standard output unless `output` is given. Fields that could hold a secret are cut whatever is
 * logged; request bodies and headers are never logged at all.
 */
export function createLog(level: string, output: LogOutput = standardOutput()): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['secret', '*.secret', 'authorization', '*.authorization'], censor: '[cut]' },
    },
    output,
  )
}
