import { beforeEach, expect, it } from 'vitest'

import type { Follower } from '@/lib/ws.types'
import { STALE_MS, TOGETHER, createMetrics, shownSeries } from '@/stores/metrics.store'
import type { MetricsHistory, MetricsPoint } from '@/types/metrics'

import { columns, history, point, sample, second } from '../support/metrics'
import { json, problem } from '../support/server'
import { ManualClock, ManualVisibility, settle } from '../support/values'

let clock: ManualClock
let visibility: ManualVisibility
let follower: Follower | undefined
let answers: (() => Promise<Response>)[]
let asked: number
let metrics: ReturnType<typeof createMetrics>

const state = () => metrics.store.getState()
const requests = () => shownSeries(state()).columns.requestsPerSecond
const hear = (told: MetricsPoint) => follower?.onFrame({ type: 'metrics', ...told })
const says = (told: MetricsHistory) => () => Promise.resolve(json(told))

beforeEach(() => {
  clock = new ManualClock()
  visibility = new ManualVisibility()
  follower = undefined
  asked = 0
  answers = []
  metrics = createMetrics({
    clock,
    visibility,
    fetch: () => {
      const answer = answers[Math.min(asked, answers.length - 1)]
      asked += 1
      return answer?.() ?? Promise.reject(new TypeError('no network'))
    },
    follow: (told) => {
      follower = told
      return () => {
        follower = undefined
      }
    },
  })
})

it('has the history at once, and then a second at a time', async () => {
  answers = [says(history(0, [{ requestsPerSecond: 1 }, { requestsPerSecond: 2 }]))]
  metrics.actions.watch()
  await settle()
  expect(state().load.kind).toBe('ready')
  expect(requests()).toEqual([1, 2])
  hear(point(2, { requestsPerSecond: 3 }))
  expect(requests()).toEqual([1, 2, 3])
  expect(state()).toMatchObject({ feed: 'live', point: { at: second(2) } })
})

it('takes a frame that comes before the history', async () => {
  answers = [says(history(0, [{ requestsPerSecond: 1 }]))]
  metrics.actions.watch()
  hear(point(1, { requestsPerSecond: 2 }))
  await settle()
  expect(requests()).toEqual([1, 2])
  expect(state().point?.at).toBe(second(1))
})

it('fills what is missing after a reconnect', async () => {
  answers = [
    says(history(0, [{ requestsPerSecond: 1 }])),
    says(
      history(
        0,
        [1, 2, 3].map((requestsPerSecond) => ({ requestsPerSecond })),
      ),
    ),
  ]
  metrics.actions.watch()
  await settle()
  follower?.onStanding?.()
  await settle()
  expect(requests()).toEqual([1, 2, 3])
})

it('says that figures are old when none has come for a while', async () => {
  answers = [says(history(0, [{}]))]
  metrics.actions.watch()
  await settle()
  hear(point(1))
  await clock.advance(STALE_MS - 1)
  expect(state().feed).toBe('live')
  await clock.advance(1)
  expect(state().feed).toBe('stale')
  hear(point(7))
  expect(state().feed).toBe('live')
})

it('rests while nobody looks, and catches up', async () => {
  answers = [
    says(history(0, [{ requestsPerSecond: 1 }])),
    says(
      history(
        0,
        [1, 2, 3].map((requestsPerSecond) => ({ requestsPerSecond })),
      ),
    ),
  ]
  const stop = metrics.actions.watch()
  await settle()
  await visibility.set(false)
  expect(follower).toBeUndefined()
  expect(state().feed).toBe('paused')
  expect(clock.pending).toBe(0)
  await visibility.set(true)
  expect(requests()).toEqual([1, 2, 3])
  stop()
  expect(follower).toBeUndefined()
  expect(clock.pending).toBe(0)
})

it('shows an instance by itself, and all together once it is gone', async () => {
  const instance = (requestsPerSecond: number) => ({
    id: 'one',
    startedAt: second(-100),
    sample: sample({ requestsPerSecond }),
  })
  const told = history(0, [{ requestsPerSecond: 10 }])
  answers = [
    says({
      ...told,
      now: { ...told.now, instances: [instance(4)] },
      perInstance: { one: columns([sample({ requestsPerSecond: 4 })]) },
    }),
  ]
  metrics.actions.watch()
  await settle()
  metrics.actions.choose('one')
  hear(point(1, { requestsPerSecond: 11 }, { instances: [instance(5)] }))
  expect(requests()).toEqual([4, 5])
  metrics.actions.choose('nobody')
  expect(state().source).toBe('one')
  hear(point(2, { requestsPerSecond: 12 }))
  expect(state().source).toBe(TOGETHER)
  expect(requests()).toEqual([10, 11, 12])
})

it('tries again by itself while the server is away, and not when it says no', async () => {
  answers = [
    () => Promise.resolve(problem(503, 'draining')),
    says(history(0, [{ requestsPerSecond: 1 }])),
  ]
  metrics.actions.watch()
  await settle()
  expect(state().load.kind).toBe('failed')
  await clock.advance(3_000)
  expect(state().load.kind).toBe('ready')

  answers = [() => Promise.resolve(problem(403, 'forbidden'))]
  asked = 0
  await metrics.actions.load()
  await clock.advance(60_000)
  expect(asked).toBe(1)
})

it('says so when the server does not show them', async () => {
  answers = [says(history(0, [{}]))]
  metrics.actions.watch()
  await settle()
  follower?.onRefused?.('forbidden', 'Not for you.')
  expect(state().feed).toBe('refused')
})
