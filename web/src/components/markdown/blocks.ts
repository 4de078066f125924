const FENCE = /^[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})/
const TOP_LEVEL_FENCE = /^ {0,3}(?:`{3,}[^`]*|~{3,}.*)$/
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/
/** What may still become a list item when more of its line has arrived. */
const LIST_ITEM_BEGUN = /^ {0,3}\d{0,9}$/
const INDENTED = /^(?: {2,}|\t| \t)/
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m

interface Fence {
  mark: string
  topLevel: boolean
}

function openedFence(line: string, inList: boolean): Fence | undefined {
  const mark = FENCE.exec(line)?.[1]
  return mark === undefined
    ? undefined
    : { mark, topLevel: TOP_LEVEL_FENCE.test(line) && !(inList && line.startsWith(' ')) }
}

function closes(fence: Fence, line: string): boolean {
  const text = line.trim()
  return text.length >= fence.mark.length && text === fence.mark.charAt(0).repeat(text.length)
}

/**
 * Where the top-level blocks of `text` start after its first one. A start once found holds for
 * every longer text with the same beginning, so a stream never takes one back.
 */
function blockStarts(text: string): number[] {
  const starts: number[] = []
  let blockStart = 0
  let fence: Fence | undefined
  let inList = false
  let afterBlank = false
  let afterFence = false
  let position = 0

  const startAt = (offset: number) => {
    if (offset > blockStart) starts.push(offset)
    blockStart = offset
    inList = false
  }

  while (position < text.length) {
    const newline = text.indexOf('\n', position)
    const complete = newline !== -1
    const end = complete ? newline : text.length
    const next = complete ? newline + 1 : text.length
    const line = text.slice(position, end)

    if (fence !== undefined) {
      if (complete && closes(fence, line)) {
        afterFence = fence.topLevel
        fence = undefined
      }
    } else if (line.trim() === '') {
      afterBlank = true
    } else {
      const continuesList =
        inList && (LIST_ITEM.test(line) || (!complete && LIST_ITEM_BEGUN.test(line)))
      const startsAnew = afterBlank && !INDENTED.test(line) && !continuesList
      if (afterFence || startsAnew) startAt(position)
      afterBlank = false
      afterFence = false

      fence = complete ? openedFence(line, inList) : undefined
      if (fence?.topLevel === true) startAt(position)
      if (LIST_ITEM.test(line)) inList = true
    }
    position = next
  }
  return starts
}

function cut(text: string, starts: number[]): string[] {
  return [0, ...starts].map((start, index) => text.slice(start, starts[index]))
}

/** True when one block may refer to another: link definitions and footnotes. */
export function hasDefinitions(text: string): boolean {
  return DEFINITION.test(text)
}

/** Cuts markdown into its top-level blocks. Joined, they are the text again. */
export function splitBlocks(text: string): string[] {
  return text === '' ? [] : cut(text, blockStarts(text))
}

/**
 * `splitBlocks` for a text that grows: a call reads the last block and what came after it, never
 * the text from its start. A text that is no continuation of the one before is read anew.
 */
export function createBlockSplitter(): (text: string) => string[] {
  let known = ''
  let blocks: string[] = []
  return (text) => {
    if (text === known) return blocks
    const last = blocks.at(-1)
    blocks =
      last !== undefined && text.length > known.length && text.startsWith(known)
        ? [...blocks.slice(0, -1), ...splitBlocks(text.slice(known.length - last.length))]
        : splitBlocks(text)
    known = text
    return blocks
  }
}
