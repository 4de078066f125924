import { beforeEach, expect, it } from 'vitest'

import type { SessionState } from '@/lib/ws'
import { GRACE_MS, watchServer } from '@/stores/live'

import { json, problem } from '../support/server'
import { ManualClock, settle } from '../support/values'

const RETRY: SessionState = { kind: 'waiting', waiting: { kind: 'retry', until: 0 } }

let clock: ManualClock
let state: SessionState
let tell: () => void
let shown: string[]
let answer: () => Promise<Response>
let stop: () => void

const become = async (next: SessionState) => {
  state = next
  tell()
  await settle()
}

beforeEach(() => {
  clock = new ManualClock()
  state = { kind: 'connecting' }
  shown = []
  answer = () => Promise.reject(new TypeError('refused'))
  stop = watchServer(
    {
      state: () => state,
      subscribe: (listener) => {
        tell = listener
        return () => undefined
      },
    },
    { clock, fetch: () => answer(), show: (server) => shown.push(server) },
  )
})

it('says nothing of a server that comes back soon', async () => {
  await clock.advance(GRACE_MS - 1)
  await become({ kind: 'live' })
  await clock.advance(10 * GRACE_MS)
  expect(shown).not.toContain('away')
})

it('says that the server is away after a while, until it is back', async () => {
  await become(RETRY)
  await clock.advance(GRACE_MS)
  expect(shown.at(-1)).toBe('away')
  await become({ kind: 'connecting' })
  expect(shown.at(-1)).toBe('away')
  await become({ kind: 'live' })
  expect(shown.at(-1)).toBe('there')
  expect(clock.pending).toBe(0)
})

it('says nothing where only WebSockets do not come through', async () => {
  answer = () => Promise.resolve(json({}))
  await clock.advance(10 * GRACE_MS)
  expect(shown).not.toContain('away')
})

it.each([
  [502, 'away'],
  [504, 'away'],
  [503, 'there'],
])('takes status %i for a server that is %s', async (status, server) => {
  answer = () => Promise.resolve(problem(status, 'x'))
  await clock.advance(GRACE_MS)
  expect(shown.at(-1)).toBe(server)
})

it('leaves a time without a network to the banner that tells of it', async () => {
  await become({ kind: 'waiting', waiting: { kind: 'network' } })
  await clock.advance(10 * GRACE_MS)
  expect(shown).not.toContain('away')
})

it('does not speak after it was stopped', async () => {
  stop()
  const before = shown.length
  await clock.advance(10 * GRACE_MS)
  expect(shown).toHaveLength(before)
})
