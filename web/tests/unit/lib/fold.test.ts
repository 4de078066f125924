import { describe, expect, it } from 'vitest'

import { type RunState, applyEvent, provisionalId, startOfRun } from '@/lib/fold'
import type { RunEvent, StreamChunk, ToolStatus } from '@/types/chat'

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

  describe('calls', () => {
    const status = (seq: number, fields: Partial<ToolStatus>): RunEvent => ({
      type: 'tool-status',
      seq,
      data: { id: id(7), name: 'wait', status: 'running', ...fields },
    })
    const question: RunEvent = {
      type: 'message',
      seq: 1,
      data: message({ id: id(2), conversationId: id(1), content: 'Hello?' }),
    }
    const said: RunEvent = { ...token(ANSWER, 'Wait 🙂'), seq: 2 }

    it('stand where the text ended when they were made', () => {
      const run = fold([
        question,
        said,
        status(3, { status: 'queued', args: { seconds: 2 } }),
        { ...token(ANSWER, ' done'), seq: 4 },
      ])
      expect(run.answer?.toolCalls).toEqual([
        { id: id(7), name: 'wait', status: 'queued', args: { seconds: 2 }, offset: 7 },
      ])
    })

    it('tell how far they are while they run, keep what is not told, and forget it at their end', () => {
      const running = fold([
        question,
        said,
        status(3, { status: 'queued', args: { seconds: 2 } }),
        status(4, { progress: 0.25, note: 'A quarter' }),
        status(5, { progress: 0.5 }),
      ])
      expect(running.answer?.toolCalls?.[0]).toMatchObject({
        progress: 0.5,
        note: 'A quarter',
        args: { seconds: 2 },
      })
      const ended = fold([status(6, { status: 'done', output: { waited: 2 } })], running)
      expect(ended.answer?.toolCalls).toEqual([
        {
          id: id(7),
          name: 'wait',
          status: 'done',
          args: { seconds: 2 },
          output: { waited: 2 },
          offset: 7,
        },
      ])
    })

    it('leave the others the very same objects', () => {
      const two = fold([
        question,
        status(2, { status: 'queued' }),
        status(3, { id: id(8), status: 'queued' }),
      ])
      const later = fold([status(4, { id: id(8), progress: 0.1 })], two)
      expect(later.answer?.toolCalls?.[0]).toBe(two.answer?.toolCalls?.[0])
    })

    it('may begin an answer, which a token names then', () => {
      const begun = fold([question, status(2, { status: 'queued' })])
      expect(begun.answer).toMatchObject({ id: provisionalId(id(9)), parentId: id(2), content: '' })
      const named = fold([{ ...token(ANSWER, 'Well'), seq: 3 }], begun)
      expect(named.answer).toMatchObject({ id: ANSWER, content: 'Well' })
      expect(named.answer?.toolCalls).toHaveLength(1)
    })
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
