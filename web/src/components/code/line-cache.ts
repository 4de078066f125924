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

/**
 * Highlights a code that grows at its end. A finished line is tokenised once and keeps its
 * identity, so a memoised line renders once; only the line being written is done again.
 */
export function createLineCache(highlight: Highlight): (code: string) => Token[][] {
  let done = ''
  let lines: Token[][] = []
  let state: Parameters<Highlight>[1]

  const reset = () => {
    done = ''
    lines = []
    state = undefined
  }

  return (code) => {
    if (!code.startsWith(done)) reset()
    const finished = code.lastIndexOf('\n') + 1
    if (finished > done.length) {
      const added = code.slice(done.length, finished - 1)
      const tooLong = added.split('\n').some((line) => line.length > LONGEST_LINE)
      const result = tooLong ? { lines: plainLines(added), state } : highlight(added, state)
      lines = [...lines, ...result.lines]
      state = result.state
      done = code.slice(0, finished)
    }
    const last = code.slice(finished)
    if (last === '') return lines
    const current = last.length > LONGEST_LINE ? plain(last) : highlight(last, state).lines[0]
    return [...lines, current ?? plain(last)]
  }
}
