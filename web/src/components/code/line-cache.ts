import type { Highlight, Token } from './highlighter'

/** Beyond this a line is shown plain: a minified file would hold up the page. */
const LONGEST_LINE = 2_000

function plain(line: string): Token[] {
  return [{ content: line, color: undefined }]
}

/** The lines of a code without colours, in the same shape. */
export function plainLines(code: string): Token[][] {
  return code.split('\n').map(plain)
}

/** How long all codes of a page together are highlighted within a window of time, in milliseconds. */
const SLICE_MS = 40
export const WINDOW_MS = 100
/** How many lines are highlighted between two looks at the clock. */
const LINES_PER_STEP = 20
/** Beyond this much time for one code, the rest of it is shown plain: a grammar may be slow on a hostile text. */
const LONGEST_MS = 1_000

/** What the codes of a page have spent of the current window. */
const shared = { start: -Infinity, spent: 0 }

export interface CachedLines {
  lines: Token[][]
  /** Whether lines are plain that another call highlights. */
  isUnfinished: boolean
}

/**
 * Highlights a code that grows at its end. A finished line is tokenised once and keeps its
 * identity, so a memoised line renders once; only the line being written is done again.
 * A call highlights for a slice of time; the lines after it are plain until the next call.
 */
export function createLineCache(
  highlight: Highlight,
  now: () => number = () => performance.now(),
  window: { start: number; spent: number } = shared,
): (code: string) => CachedLines {
  let done = ''
  let lines: Token[][] = []
  let state: Parameters<Highlight>[1]
  let spent = 0

  const reset = () => {
    done = ''
    lines = []
    state = undefined
    spent = 0
  }
  const timed = (text: string) => {
    const start = now()
    const result = highlight(text, state)
    const took = now() - start
    spent += took
    window.spent += took
    return result
  }
  const hasTime = () => {
    const at = now()
    if (at - window.start >= WINDOW_MS) Object.assign(window, { start: at, spent: 0 })
    return window.spent < SLICE_MS && spent < LONGEST_MS
  }

  return (code) => {
    if (!code.startsWith(done)) reset()
    const finished = code.lastIndexOf('\n') + 1
    while (finished > done.length && hasTime()) {
      let next = done.length
      for (let step = 0; step < LINES_PER_STEP && next < finished; step += 1)
        next = code.indexOf('\n', next) + 1
      const added = code.slice(done.length, next - 1)
      const tooLong = added.split('\n').some((line) => line.length > LONGEST_LINE)
      const result = tooLong ? { lines: plainLines(added), state } : timed(added)
      lines = [...lines, ...result.lines]
      state = result.state
      done = code.slice(0, next)
    }
    const last = code.slice(done.length)
    if (last === '') return { lines, isUnfinished: false }
    const isLast = done.length === finished
    if (isLast && last.length <= LONGEST_LINE && hasTime())
      return { lines: [...lines, timed(last).lines[0] ?? plain(last)], isUnfinished: false }
    const isUnfinished = spent < LONGEST_MS && (!isLast || last.length <= LONGEST_LINE)
    return { lines: [...lines, ...plainLines(last.replace(/\n$/, ''))], isUnfinished }
  }
}
