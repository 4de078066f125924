import { afterEach, beforeEach, expect, it } from 'vitest'

import { createLogger } from '@/lib/logger'
import {
  BATCH_MS,
  BATCH_SIZE,
  MOST_ERRORS,
  isSwitchedOff,
  refusesTracking,
  startTelemetry,
  switchTelemetry,
} from '@/lib/metrics'
import type { Telemetry, WebVital } from '@/types/telemetry'

import { ManualClock, ManualVisibility, memoryStorage } from '../support/values'

let clock: ManualClock
let visibility: ManualVisibility
let sent: Telemetry[]
let allowed: boolean
let vital: (name: WebVital['name'], value: number) => void
let stop: () => void

const fail = (error: unknown) => window.dispatchEvent(new ErrorEvent('error', { error }))

beforeEach(() => {
  clock = new ManualClock()
  visibility = new ManualVisibility()
  sent = []
  allowed = true
  stop = startTelemetry({
    clock,
    visibility,
    send: (body) => sent.push(JSON.parse(body) as Telemetry) > 0,
    page: () => '/chat',
    allowed: () => allowed,
    observe: (onVital) => {
      vital = onVital
    },
  })
})

afterEach(() => {
  stop()
})

it('tells what comes together in one batch, and an error only by its kind', async () => {
  vital('LCP', 812.5)
  fail(new TypeError('my secret words'))
  createLogger('session', false).error('a frame breaks the contract', { reason: 'my secret words' })
  await clock.advance(BATCH_MS - 1)
  expect(sent).toEqual([])
  await clock.advance(1)
  expect(sent).toEqual([
    {
      vitals: [{ name: 'LCP', value: 812.5, page: '/chat' }],
      errors: [
        { name: 'TypeError', area: 'page', page: '/chat' },
        { name: 'Error', area: 'session', page: '/chat' },
      ],
    },
  ])
  expect(JSON.stringify(sent)).not.toContain('secret')
})

it('tells what is left when the page is', async () => {
  await visibility.set(false)
  expect(sent).toEqual([])
  vital('CLS', 0.01)
  expect(sent).toHaveLength(1)
  await visibility.set(true)
  vital('INP', 40)
  await visibility.set(false)
  expect(sent).toHaveLength(2)
  expect(clock.pending).toBe(0)
})

it('tells no more than so many errors, in batches that the server takes', async () => {
  for (let n = 0; n < 10 * MOST_ERRORS; n += 1) fail(new Error(String(n)))
  await clock.advance(BATCH_MS)
  expect(sent.map(({ errors }) => errors.length)).toEqual([BATCH_SIZE, BATCH_SIZE])
})

it('tells nothing that is not allowed, also when it was allowed before', async () => {
  vital('LCP', 1)
  allowed = false
  fail(new Error('x'))
  await clock.advance(BATCH_MS)
  expect(sent).toEqual([])
})

it('names fit what the server takes, whatever was thrown', async () => {
  for (const thrown of [undefined, 'a text', { name: 'two words\n' }, { name: 7 }, { name: '' }])
    fail(thrown)
  await clock.advance(BATCH_MS)
  expect(sent[0]?.errors.map(({ name }) => name)).toEqual([
    'Error',
    'Error',
    'twowords',
    'Error',
    'unknown',
  ])
})

it('heeds the browser, and the switch', () => {
  const asks = (told: object) => refusesTracking(told as Navigator)
  expect(asks({ doNotTrack: '1' })).toBe(true)
  expect(asks({ globalPrivacyControl: true })).toBe(true)
  expect(asks({ doNotTrack: null, globalPrivacyControl: false })).toBe(false)
  const storage = memoryStorage()
  expect(isSwitchedOff(storage)).toBe(false)
  switchTelemetry(storage, false)
  expect(isSwitchedOff(storage)).toBe(true)
  switchTelemetry(storage, true)
  expect(isSwitchedOff(storage)).toBe(false)
})
