import { describe, expect, it } from 'vitest'

import { type RunState, applyEvent, startOfRun } from '@/lib/fold'
import type { RunEvent, StreamChunk } from '@/types/chat'

import { message, token } from '../support/server'
import { id, seeded } from '../support/values'

const CONTEXT = { conversationId: id(1), now: 0 }
const ANSWER = id(3)

/** A whole run: question, tokens, the stored answer, done. */
function logOf(texts: readonly string[]): RunEvent[] {
  const chunks: StreamChunk[] = [
    { type: 'message', data: message({ id: id(2), conversationId: id(1), content: 'Hello?' }) },
    ...texts.map((text) => token(ANSWER, text)),
    {
      type: 'message',
      data: message({
        id: ANSWER,
        conversationId: id(1),
        parentId: id(2),
        role: 'assistant',
        content: texts.join(''),
      }),
    },
    {
      type: 'done',
      data: { id: ANSWER, finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 5 } },
    },
  ]
  return chunks.map((chunk, index) => ({ ...chunk, seq: index + 1 }))
}

const fold = (events: readonly RunEvent[], run: RunState = startOfRun(id(9))) =>
  events.reduce((state, event) => applyEvent(state, event, CONTEXT), run)

describe('applyEvent', () => {
  it('adds up to the stored answer under the stored question', () => {
    const run = fold(logOf(['Good ', 'morning', '.']))
    expect(run.answer).toMatchObject({
      content: 'Good morning.',
      parentId: id(2),
      status: 'complete',
    })
    expect(run.end?.finishReason).toBe('stop')
  })

  it('returns the very same state for an event that it has seen', () => {
    const events = logOf(['a', 'b'])
    const run = fold(events)
    for (const event of events) expect(applyEvent(run, event, CONTEXT)).toBe(run)
  })

  it.each([
    ['cancelled', 'cancelled'],
    ['interrupted', 'interrupted'],
    ['error', 'error'],
    ['length', 'complete'],
  ] as const)(
    'a run that ends with %s without a last message leaves its answer %s',
    (finishReason, status) => {
      const run = fold([
        ...logOf(['half']).slice(0, 2),
        { type: 'done', seq: 3, data: { id: ANSWER, finishReason } },
      ])
      expect(run.answer).toMatchObject({ content: 'half', status })
      expect(run.answer).not.toHaveProperty('seq')
    },
  )

  it('goes on from a snapshot at its number', () => {
    const events = logOf(['one ', 'two ', 'three'])
    const snapshot = message({
      id: ANSWER,
      conversationId: id(1),
      role: 'assistant',
      content: 'one two ',
      status: 'streaming',
      seq: 3,
    })
    expect(fold(events.slice(0, 4), startOfRun(id(9), snapshot)).answer?.content).toBe(
      'one two three',
    )
  })

  it('makes the same text of every mixture of cuts, doubles and replays (100 seeds)', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = seeded(seed)
      const below = (limit: number) => Math.floor(random() * limit)
      const texts = Array.from(
        { length: 1 + below(30) },
        () => ['a', 'é', '🙂', ' ', '\n', '```'][below(6)] ?? '',
      )
      const log = logOf(texts)

      let run = startOfRun(id(9))
      let delivered = 0
      while (delivered < log.length) {
        // A reader may come back anywhere at or before the number that it has: doubles, but never a gap.
        const from = below(run.lastSeq + 1)
        const to = from + 1 + below(log.length - from)
        const wire = log
          .slice(from, to)
          .flatMap((event) => (random() < 0.2 ? [event, event] : [event]))
        run = fold(wire, run)
        delivered = Math.max(delivered, to)
        const tokens = texts.slice(0, Math.max(0, run.lastSeq - 1)).join('')
        expect(run.answer?.content ?? '', `seed ${seed}`).toBe(tokens)
      }
      expect(run.lastSeq).toBe(log.length)
      expect(run.end).toBeDefined()
    }
  })
})
