import type { LiveCall, LiveMessage } from '@/types/chat'

/** How a call stands, as a person says it. */
export type CallState =
  'waiting' | 'queued' | 'running' | 'done' | 'failed' | 'denied' | 'cancelled'

/** How a call stands. */
export function stateOf(call: LiveCall): CallState {
  switch (call.status) {
    case 'queued':
      return call.approval === 'pending' ? 'waiting' : 'queued'
    case 'running':
      return 'running'
    case 'done':
      return 'done'
    case 'error':
      if (call.approval === 'denied') return 'denied'
      return call.error?.code === 'cancelled' ? 'cancelled' : 'failed'
  }
}

/** Has it come to its end, well or badly? */
export function isOver(call: LiveCall): boolean {
  return call.status === 'done' || call.status === 'error'
}

/** A piece of an answer: text, or the calls of one step. `at` is where in the content it begins, in UTF-16 units. */
export type AnswerPart =
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  | { readonly kind: 'calls'; readonly at: number; readonly calls: readonly LiveCall[] }

/** An answer as it is read: its text, cut where calls stand. While it grows, only the last part changes or is added. */
export function partsOf({ content, toolCalls = [] }: LiveMessage): AnswerPart[] {
  const parts: AnswerPart[] = []
  let cut = 0
  const textUpTo = (end: number) => {
    const text = content.slice(cut, end)
    if (text.trim() !== '') parts.push({ kind: 'text', at: cut, text })
    cut = end
  }
  for (const call of toolCalls) {
    const at = Math.min(content.length, Math.max(cut, call.offset ?? cut))
    if (at > cut) textUpTo(at)
    const last = parts.at(-1)
    if (last?.kind === 'calls' && last.at === at)
      parts[parts.length - 1] = { ...last, calls: [...last.calls, call] }
    else parts.push({ kind: 'calls', at, calls: [call] })
  }
  textUpTo(content.length)
  return parts
}

const SHORTENED = /\n\n\[Shortened: these are the first \d+ of (\d+) characters\.[^\]]*\]$/

/** What an answer keeps of an output that was too long for it. */
export interface Shortened {
  readonly beginning: string
  /** How many characters the whole has. */
  readonly characters: number
}

/** The beginning of an output, when the answer keeps only that; the whole is the job's. */
export function shortenedOf(output: unknown): Shortened | undefined {
  if (typeof output !== 'string') return undefined
  const note = SHORTENED.exec(output)
  return note ? { beginning: output.slice(0, note.index), characters: Number(note[1]) } : undefined
}
