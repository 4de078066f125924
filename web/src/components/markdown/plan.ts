import { hasDefinitions } from './blocks'
import { MAX_BLOCK_WEIGHT, MAX_TEXT_WEIGHT, weightOf } from './complexity'

/** A piece of a text: Markdown, or text that is shown as it was written. */
export interface Piece {
  readonly source: string
  readonly isPlain: boolean
  readonly weight: number
}

/** The weight that a block is drawn with when it is shown as it was written. */
const PLAIN_WEIGHT = 20

/** Weighs each block once: a block of a growing text keeps its weight until it changes. */
export function createPlanner(): (blocks: readonly string[]) => Piece[] {
  let known: Piece[] = []
  return (blocks) => {
    const pieces: Piece[] = []
    let total = 0
    for (const [index, source] of blocks.entries()) {
      const before = known[index]
      const weight = before?.source === source && !before.isPlain ? before.weight : weightOf(source)
      const isPlain = weight > MAX_BLOCK_WEIGHT
      if (total + (isPlain ? PLAIN_WEIGHT : weight) > MAX_TEXT_WEIGHT) {
        pieces.push({ source: blocks.slice(index).join(''), isPlain: true, weight: PLAIN_WEIGHT })
        break
      }
      total += isPlain ? PLAIN_WEIGHT : weight
      const last = pieces.at(-1)
      if (isPlain && last?.isPlain === true) {
        pieces[pieces.length - 1] = { ...last, source: last.source + source }
      } else {
        pieces.push({ source, isPlain, weight: isPlain ? PLAIN_WEIGHT : weight })
      }
    }
    known = pieces
    return pieces
  }
}

/** Whether a finished text is parsed whole, because its blocks refer to each other. */
export function isParsedWhole(text: string): boolean {
  return hasDefinitions(text) && weightOf(text) <= MAX_BLOCK_WEIGHT
}

/** How many pieces are drawn in the step after `shown`: at least one, up to the weight of one block. */
export function nextShown(pieces: readonly Piece[], shown: number): number {
  let weight = 0
  let next = shown
  while (next < pieces.length) {
    weight += pieces[next]?.weight ?? 0
    if (next > shown && weight > MAX_BLOCK_WEIGHT / 2) break
    next += 1
  }
  return next
}
