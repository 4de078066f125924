import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import { type Clock, systemClock } from '@/lib/clock'
import { type Failure, toFailure } from '@/lib/failure'
import { type Fetch, requestJson } from '@/lib/fetcher'
import {
  type Figure,
  type Series,
  append,
  emptySeries,
  joined,
  newest,
  seriesOf,
} from '@/lib/series'
import { type Visibility, pageVisibility } from '@/lib/visibility'
import type { Follower } from '@/lib/ws.types'
import type { MetricsHistory, MetricsPoint, RunningRun } from '@/types/metrics'

import { followTopic } from './live'
import { IDLE, LOADING, type LoadState, READY } from './load-state'

/** So long without a figure, and what is shown is called old, in milliseconds. */
export const STALE_MS = 5_000
/** How long after a failure the history is asked for again, in milliseconds. */
const RETRY_MS = 3_000
/** A figure that is not measured every second is shown for so many seconds. */
const SHOWN_SECONDS = 60
/** All instances together, as the name of a source. No instance is called so. */
export const TOGETHER = 'together'
/** How far back the charts may look, in minutes. */
export const RANGES = [1, 5, 15] as const

export type Range = (typeof RANGES)[number]

/** How many seconds a point of a chart stands for: as many as can be told apart. */
export const POINT_SECONDS: Record<Range, number> = { 1: 1, 5: 2, 15: 5 }

/** How figures come: `paused` while nobody looks at the page, `refused` when the server does not show them. */
export type Feed = 'off' | 'live' | 'stale' | 'paused' | 'refused'

export interface MetricsState {
  /** How far the history has been loaded. */
  readonly load: LoadState
  readonly feed: Feed
  /** When the newest figures came, by the person's clock, in milliseconds since the epoch. */
  readonly heardAt: number | undefined
  /** The newest second. */
  readonly point: MetricsPoint | undefined
  /** The last 15 minutes by source. Each grows in place: `revision` tells that it has. */
  readonly series: Readonly<Record<string, Series>>
  readonly revision: number
  /** Whose figures are shown: an instance's, or {@link TOGETHER}. */
  readonly source: string
  readonly range: Range
}

export interface MetricsDeps {
  readonly fetch: Fetch
  readonly clock: Clock
  readonly visibility: Visibility
  readonly follow: (follower: Follower) => () => void
}

export interface MetricsActions {
  /** Loads the history and keeps it growing while somebody looks, until the returned function is called. */
  readonly watch: () => () => void
  /** Loads the history once more, after a failure. */
  readonly load: () => Promise<void>
  readonly choose: (source: string) => void
  readonly setRange: (range: Range) => void
}

const NONE: Series = emptySeries()

/** Figures of its own, with everything they depend on passed in. */
export function createMetrics(deps: MetricsDeps) {
  const store = createStore<MetricsState>(() => ({
    load: IDLE,
    feed: 'off',
    heardAt: undefined,
    point: undefined,
    series: {},
    revision: 0,
    source: TOGETHER,
    range: 15,
  }))
  let newestRequest = 0
  let cancelStale = (): void => undefined
  let cancelRetry = (): void => undefined

  const hear = () => {
    cancelStale()
    cancelStale = deps.clock.after(STALE_MS, () => {
      store.setState({ feed: 'stale' })
    })
    store.setState({ feed: 'live', heardAt: deps.clock.now() })
  }

  const take = (point: MetricsPoint) => {
    const { series } = store.getState()
    const told = [
      [TOGETHER, point.total] as const,
      ...point.instances.map(({ id, sample }) => [id, sample] as const),
    ]
    // Instances that are gone are known no more.
    const known: Record<string, Series> = {}
    for (const [source, sample] of told) {
      known[source] = series[source] ?? emptySeries()
      append(known[source], point.at, sample)
    }
    store.setState(({ revision, source }) => ({
      point,
      series: known,
      revision: revision + 1,
      source: source in known ? source : TOGETHER,
    }))
  }

  const takeHistory = ({ at, now, perInstance, total }: MetricsHistory) => {
    const { point, series } = store.getState()
    const fresh: Record<string, Series> = {
      [TOGETHER]: joined(series[TOGETHER] ?? emptySeries(), seriesOf(at, total)),
    }
    for (const { id } of now.instances) {
      const told = perInstance[id]
      fresh[id] = told ? joined(series[id] ?? emptySeries(), seriesOf(at, told)) : emptySeries()
    }
    store.setState({ load: READY, heardAt: deps.clock.now(), series: fresh })
    // A frame may have come while the history was on its way.
    take(point && point.at > now.at ? point : now)
  }

  const load = async () => {
    cancelRetry()
    newestRequest += 1
    const request = newestRequest
    if (store.getState().load.kind !== 'ready') store.setState({ load: LOADING })
    try {
      const history = await requestJson('/api/metrics', (v) => v.zMetricsHistory, deps)
      if (request === newestRequest) takeHistory(history)
    } catch (error) {
      if (request !== newestRequest) return
      const failure: Failure = toFailure(error, deps.clock.now())
      if (store.getState().load.kind !== 'ready')
        store.setState({ load: { kind: 'failed', failure } })
      if (failure.kind === 'offline' || (failure.status ?? 0) >= 500)
        cancelRetry = deps.clock.after(RETRY_MS, () => void load())
    }
  }

  const follower: Follower = {
    topic: 'metrics',
    onFrame: (frame) => {
      if (frame.type !== 'metrics') return
      take(frame)
      hear()
    },
    // What was said before is missing: the history has it.
    onStanding: () => void load(),
    onRefused: () => {
      store.setState({ feed: 'refused' })
    },
  }

  const actions: MetricsActions = {
    watch: () => {
      let unfollow: (() => void) | undefined
      const pause = () => {
        unfollow?.()
        unfollow = undefined
        newestRequest += 1
        cancelStale()
        cancelRetry()
      }
      const look = () => {
        if (deps.visibility.isVisible()) {
          if (unfollow) return
          cancelStale = deps.clock.after(STALE_MS, () => {
            store.setState({ feed: 'stale' })
          })
          unfollow = deps.follow(follower)
          void load()
        } else {
          pause()
          store.setState({ feed: 'paused' })
        }
      }
      const unsubscribe = deps.visibility.subscribe(look)
      look()
      return () => {
        unsubscribe()
        pause()
        store.setState({ feed: 'off' })
      }
    },
    load,
    choose: (source) => {
      store.setState(({ series }) => (source in series ? { source } : {}))
    },
    setRange: (range) => {
      store.setState({ range })
    },
  }
  return { store, actions }
}

/** The figures of the chosen source, as they stand. */
export function shownSeries({ series, source }: MetricsState): Series {
  return series[source] ?? NONE
}

const app = createMetrics({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  visibility: pageVisibility,
  follow: followTopic,
})

export const metricsStore = app.store

/** What can be done with the page's figures. Stable; none of it rejects. */
export const metrics = app.actions

/** What `select` makes of the shown figures; renders only when that has changed. */
export function useFigures<T extends string | number | boolean | undefined>(
  select: (series: Series, range: Range) => T,
): T {
  return useStore(metricsStore, (state) => select(shownSeries(state), state.range))
}

/** The newest value of a figure that is not older than a minute. */
export function newestShown(series: Series, figure: Figure): number | undefined {
  return newest(series, figure, SHOWN_SECONDS)
}

/** How figures come, and since when they have not. */
export function useFeed(): Pick<MetricsState, 'feed' | 'load'> & { heardAt: number | undefined } {
  return useStore(
    metricsStore,
    useShallow(({ feed, heardAt, load }) => ({
      feed,
      load,
      // Only what is shown: the time matters once nothing comes any more.
      heardAt: feed === 'live' ? undefined : heardAt,
    })),
  )
}

/** Whose figures there are, whose are shown, and how far back. */
export function useSources(): { ids: readonly string[]; source: string } {
  const ids = useStore(
    metricsStore,
    useShallow(({ point }) => point?.instances.map(({ id }) => id) ?? NOBODY),
  )
  return { ids, source: useStore(metricsStore, ({ source }) => source) }
}

const NOBODY: readonly string[] = []

/** How far back the charts look, in minutes. */
export function useRange(): Range {
  return useStore(metricsStore, ({ range }) => range)
}

const NO_RUNS: readonly string[] = []

/** The ids of the answers that are being written, the person's own first. */
export function useRunningIds(): readonly string[] {
  return useStore(
    metricsStore,
    useShallow(({ point }) => point?.runs.map(({ id }) => id) ?? NO_RUNS),
  )
}

/** One of them. */
export function useRunningRun(id: string): RunningRun | undefined {
  return useStore(
    metricsStore,
    useShallow(({ point }) => point?.runs.find((run) => run.id === id)),
  )
}

/** For how long something has gone on that began at a time of the server's clock, in milliseconds. */
export function useRunningFor(startedAt: string): number | undefined {
  return useStore(
    metricsStore,
    ({ point }) => point && Date.parse(point.at) - Date.parse(startedAt),
  )
}
