/** What a log line carries besides its message. Never the text of a message: that is the person's own. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

type Level = keyof Logger

const VERBOSE = process.env.NODE_ENV !== 'production'

/** Who hears of each error that a part of the app has logged: `lib/metrics`, once it is there and wanted. */
export const hearing: { error?: (area: string, fields: LogFields) => void } = {}

/** A logger for one part of the app. Debug and info lines are silent in production; none leaves the browser as it is. */
export function createLogger(area: string, verbose: boolean = VERBOSE): Logger {
  const write =
    (level: Level) =>
    (message: string, fields: LogFields = {}) => {
      if (level === 'error') hearing.error?.(area, fields)
      if (!verbose && (level === 'debug' || level === 'info')) return
      console[level](`[${area}] ${message}`, fields)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
