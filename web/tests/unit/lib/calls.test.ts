import { describe, expect, it } from 'vitest'

import { partsOf, shortenedOf, stateOf } from '@/lib/calls'
import type { LiveCall } from '@/types/chat'

import { message } from '../support/server'
import { id } from '../support/values'

const call = (n: number, fields: Partial<LiveCall> = {}): LiveCall => ({
  id: id(n),
  name: 'wait',
  args: {},
  status: 'done',
  ...fields,
})
const answer = (content: string, ...toolCalls: LiveCall[]) =>
  message({ id: id(1), conversationId: id(2), role: 'assistant', content, toolCalls })

describe('partsOf', () => {
  it('cuts the text where calls stand, in UTF-16 units', () => {
    const [first, second, third] = [
      call(1, { offset: 3 }),
      call(2, { offset: 3 }),
      call(3, { offset: 9 }),
    ]
    expect(partsOf(answer('🙂b then. And so', first, second, third))).toEqual([
      { kind: 'text', at: 0, text: '🙂b' },
      { kind: 'calls', at: 3, calls: [first, second] },
      { kind: 'text', at: 3, text: ' then.' },
      { kind: 'calls', at: 9, calls: [third] },
      { kind: 'text', at: 9, text: ' And so' },
    ])
  })

  it('is only text without calls, and only calls without text', () => {
    expect(partsOf(answer('Hello'))).toEqual([{ kind: 'text', at: 0, text: 'Hello' }])
    expect(partsOf(answer('', call(1, { offset: 0 })))).toMatchObject([{ kind: 'calls' }])
    expect(partsOf(answer(''))).toEqual([])
  })

  it('shows every text and every call, whatever the offsets say', () => {
    const parts = partsOf(answer('abc', call(1, { offset: 99 }), call(2, { offset: 1 }), call(3)))
    expect(parts).toMatchObject([
      { kind: 'text', text: 'abc' },
      { kind: 'calls', calls: [{ id: id(1) }, { id: id(2) }, { id: id(3) }] },
    ])
  })
})

it.each([
  [{ status: 'queued' }, 'queued'],
  [{ status: 'queued', approval: 'pending' }, 'waiting'],
  [{ status: 'queued', approval: 'granted' }, 'queued'],
  [{ status: 'running', approval: 'granted' }, 'running'],
  [{ status: 'done' }, 'done'],
  [{ status: 'error', error: { code: 'failed', message: 'No.' } }, 'failed'],
  [{ status: 'error', error: { code: 'cancelled', message: 'It was.' } }, 'cancelled'],
  [{ status: 'error', approval: 'denied', error: { code: 'denied', message: 'No.' } }, 'denied'],
] as const)('a call with %o is %s', (fields, state) => {
  expect(stateOf(call(1, fields))).toBe(state)
})

describe('shortenedOf', () => {
  it('finds the word on what was left out, and takes it away', () => {
    const note =
      '[Shortened: these are the first 16000 of 20001 characters. The whole output is kept with the job.]'
    expect(shortenedOf(`begins\n\n${note}`)).toEqual({ beginning: 'begins', characters: 20001 })
  })

  it('finds nothing in a whole output', () => {
    expect(shortenedOf('whole')).toBeUndefined()
    expect(shortenedOf({ a: 1 })).toBeUndefined()
  })
})
