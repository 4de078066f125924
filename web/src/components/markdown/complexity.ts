/**
 * Estimates what a Markdown text costs to parse and to draw, in one pass over it, without parsing. One unit is about the cost of
 * one list item. Nothing that a model or a tool sends may keep the page from answering.
 */

/** Beyond this a block is not formatted. */
export const MAX_BLOCK_WEIGHT = 1_000
/** Beyond this the rest of a text is not formatted. */
export const MAX_TEXT_WEIGHT = 6_000
/** Beyond this many quotes and lists within each other a block is not formatted. */
export const MAX_DEPTH = 20

/** Characters for each unit of plain text. */
const CHARACTERS_PER_UNIT = 100
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/
/** Ends the text before it, wherever it is: each item is parsed alone. */
const ITEM = /^ {0,3}[-*+] +\S/
const TABLE_HEADER = /^\|[^\\]*\|\s*$/
const TABLE_DELIMITERS = /^\|(?:[ \t]*:?-+:?[ \t]*\|)+\s*$/
/** A line that is an element, such as a heading, an item or a quote. */
const ELEMENT = /^\s*(?:[-*+>#=_~`|]|\d{1,9}[.)])/

/** The marks since the last blank line or list item: the parser compares those of one text with each other. */
interface Marks {
  length: number
  emphasis: number
  brackets: number
  ticks: number
}

/** How many quotes and lists begin on a line; indentation before a list item counts as lists around it. */
function depthOf(line: string): number {
  let depth = 0
  let indent = 0
  let at = 0
  while (at < line.length && depth <= MAX_DEPTH) {
    const character = line.charAt(at)
    if (character === ' ' || character === '\t') {
      indent += character === '\t' ? 4 : 1
      at += 1
      continue
    }
    const mark =
      character === '>' ? '>' : /^(?:[-*+]|\d{1,9}[.)])(?=\s|$)/.exec(line.slice(at, at + 12))?.[0]
    if (mark === undefined) break
    depth += 1 + (character === '>' ? 0 : Math.floor(indent / 2))
    indent = 0
    at += mark.length
  }
  return depth
}

function weightOfMarks({ length, emphasis, brackets, ticks }: Marks): number {
  const alone = (emphasis + brackets + ticks) / 4
  const together = emphasis ** 2 / 2_000 + brackets ** 2 / 4_000 + (ticks * length) / 5_000
  return alone + together
}

function noMarks(): Marks {
  return { length: 0, emphasis: 0, brackets: 0, ticks: 0 }
}

/** Whether a block surely is a table: each cell of it is parsed alone. */
function isTable(block: string): boolean {
  const [header = '', delimiters = ''] = block.split('\n', 2)
  const columns = (line: string) => line.split('|').length
  return (
    TABLE_HEADER.test(header) &&
    TABLE_DELIMITERS.test(delimiters) &&
    columns(header.trim()) === columns(delimiters.trim())
  )
}

/** Counts the marks of a line, and returns what its other characters weigh. */
function weightOfLine(line: string, marks: Marks): number {
  let weight = 0
  let ticked = false
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at)
    if (character === '`' && !ticked) marks.ticks += 1
    ticked = character === '`'
    if ('*_~'.includes(character)) marks.emphasis += 1
    else if ('[]'.includes(character)) marks.brackets += 1
    else if (character === '|') weight += 0.5
    else if ('@:'.includes(character)) weight += 0.5
    else if ('<&\\'.includes(character)) weight += 0.25
  }
  marks.length += line.length
  return weight + line.length / CHARACTERS_PER_UNIT
}

/** What a block weighs; infinite where it is nested too deeply. Reads no more of it than is needed. */
export function weightOf(source: string): number {
  // A carriage return ends a line for the parser too.
  const block = source.includes('\r') ? source.replace(/\r\n?/g, '\n') : source
  const hasCells = isTable(block)
  let weight = 3
  let marks = noMarks()
  let fence: string | undefined
  let isFirst = true
  let position = 0
  while (position < block.length && weight <= MAX_TEXT_WEIGHT) {
    const newline = block.indexOf('\n', position)
    const end = newline === -1 ? block.length : newline
    const line = block.slice(position, end)
    position = end + 1
    if (fence !== undefined) {
      // Code has no marks. Its colours have a limit of their own.
      weight += 0.25 + line.length / 1_000
      const text = line.trim()
      if (text.length >= fence.length && text === fence.charAt(0).repeat(text.length))
        fence = undefined
      continue
    }
    // Only what begins a block is surely a fence.
    fence = isFirst ? FENCE.exec(line)?.[1] : undefined
    isFirst = false
    if (fence !== undefined) {
      weight += 17
      continue
    }
    if (line.trim() === '' || ITEM.test(line) || (hasCells && line.startsWith('|'))) {
      weight += weightOfMarks(marks)
      marks = noMarks()
    }
    const depth = depthOf(line)
    if (depth > MAX_DEPTH) return Infinity
    weight += (ELEMENT.test(line) ? 1 : 0.3) + depth + weightOfLine(line, marks)
  }
  return weight + weightOfMarks(marks)
}
