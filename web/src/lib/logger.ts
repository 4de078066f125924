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

/** A logger for one part of the app. Debug and info lines are silent in production; nothing leaves the browser. */
export function createLogger(area: string, verbose: boolean = VERBOSE): Logger {
  const write =
    (level: Level) =>
    (message: string, fields: LogFields = {}) => {
      if (!verbose && (level === 'debug' || level === 'info')) return
      console[level](`[${area}] ${message}`, fields)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
