import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { createStore } from 'zustand/vanilla'

import { cancelJob, getJob, invokeTool, listJobs } from '@/lib/api'
import { systemClock } from '@/lib/clock'
import { browserConnectivity } from '@/lib/connectivity'
import { ApiError } from '@/lib/errors'
import { type Failure, OK, type Outcome, toFailure } from '@/lib/failure'
import { type ScheduleFrame, animationFrame, batchByFrame } from '@/lib/frames'
import { randomId } from '@/lib/id'
import { type JobState, applyJobEvent, hasEnded, startOfJob, withSnapshot } from '@/lib/job'
import type { Waiting } from '@/lib/retry'
import { untilAnswered } from '@/lib/runs'
import { type StreamDeps, followJob } from '@/lib/sse'
import { type Visibility, pageVisibility } from '@/lib/visibility'
import type { Job, JobEvent, JobPage, ToolCallStatus } from '@/types/tools'

import {
  IDLE,
  LOADING,
  type LoadState,
  MISSING,
  type MoreState,
  NO_MORE,
  READY,
  beyond,
} from './load-state'

const PAGE_SIZE = 50
/** How often the list is asked for again while it shows a job that goes on, and while it shows none, in milliseconds. */
export const BUSY_MS = 1_000
export const CALM_MS = 4_000

/** How a job's log is read just now. */
export type Reading =
  | { readonly kind: 'none' }
  | { readonly kind: 'live' }
  | { readonly kind: 'waiting'; readonly waiting: Waiting }

/** A job as the page knows it. */
export interface KnownJob extends JobState {
  readonly reading: Reading
  /** Its end was asked for, and has not come yet. */
  readonly stopping: boolean
}

export interface JobsState {
  /** The list. */
  readonly load: LoadState
  readonly more: MoreState
  readonly cursor: string | undefined
  /** What the list is narrowed to. */
  readonly status: ToolCallStatus | undefined
  /** The listed jobs, newest first. */
  readonly ids: readonly string[]
  readonly byId: Readonly<Record<string, KnownJob>>
  /** How far jobs have been loaded that were asked for by themselves. */
  readonly loads: Readonly<Record<string, LoadState>>
}

export interface JobsDeps extends StreamDeps {
  readonly visibility: Visibility
  readonly schedule: ScheduleFrame
  readonly newId: () => string
}

/** What asking for a job gives. */
export type Started =
  { readonly ok: true; readonly id: string } | { readonly ok: false; readonly failure: Failure }

export interface JobsActions {
  /** Runs a tool; through a lost connection it is asked for again, and still runs once. */
  readonly run: (tool: string, args: unknown) => Promise<Started>
  /** Stops a job; its end comes by its log. */
  readonly cancel: (id: string) => Promise<Outcome>
  /** Loads a job and follows its log, until the returned function is called. */
  readonly watch: (id: string) => () => void
  /** Keeps the list up to date, until the returned function is called. */
  readonly watchList: () => () => void
  /** Loads the list, or brings its top up to date. */
  readonly load: () => Promise<void>
  readonly loadMore: () => Promise<void>
  /** Narrows the list to jobs that have come so far; undefined shows all. */
  readonly narrow: (status: ToolCallStatus | undefined) => void
}

const NOT_READING: Reading = { kind: 'none' }

/** Jobs of its own, with everything they depend on passed in. */
export function createJobs(deps: JobsDeps) {
  const store = createStore<JobsState>(() => ({
    load: IDLE,
    more: NO_MORE,
    cursor: undefined,
    status: undefined,
    ids: [],
    byId: {},
    loads: {},
  }))
  const watchers = new Map<string, { count: number; readonly abort: AbortController }>()
  let newestRequest = 0

  const failureOf = (error: unknown) => toFailure(error, deps.clock.now())
  const known = (id: string) => store.getState().byId[id]

  const change = (id: string, to: (job: KnownJob) => KnownJob) => {
    store.setState((state) => {
      const job = state.byId[id]
      return job ? { byId: { ...state.byId, [id]: to(job) } } : state
    })
  }
  const setLoad = (id: string, load: LoadState) => {
    store.setState((state) => ({ loads: { ...state.loads, [id]: load } }))
  }

  const take = (job: Job) => {
    store.setState((state) => ({ byId: { ...state.byId, [job.id]: merged(state, job) } }))
  }

  const follow = async (id: string, signal: AbortSignal) => {
    const batch = batchByFrame<JobEvent>((events) => {
      if (signal.aborted) return
      const now = deps.clock.now()
      change(id, (job) => {
        const state = events.reduce<JobState>((so, event) => applyJobEvent(so, event, now), job)
        return { ...job, ...state }
      })
    }, deps.schedule)
    const read = (reading: Reading) => {
      if (signal.aborted) return
      batch.flush()
      change(id, (job) => ({ ...job, reading }))
    }
    await followJob(
      id,
      {
        after: known(id)?.lastSeq ?? 0,
        signal,
        onEvent: (event) => {
          batch.push(event)
        },
        onOpen: () => {
          read({ kind: 'live' })
        },
        onWaiting: (waiting) => {
          read({ kind: 'waiting', waiting })
        },
      },
      deps,
    )
    // A log that is kept no longer takes nothing from what the job itself says.
    read(NOT_READING)
  }

  const look = async (id: string, signal: AbortSignal) => {
    if (!known(id)) setLoad(id, LOADING)
    try {
      take(
        await untilAnswered(
          () => getJob(id, { fetch: deps.fetch, signal }),
          signal,
          () => undefined,
          deps,
        ),
      )
      setLoad(id, READY)
    } catch (error) {
      if (signal.aborted || known(id)) return
      const missing = error instanceof ApiError && (error.status === 404 || error.status === 422)
      setLoad(id, missing ? MISSING : { kind: 'failed', failure: failureOf(error) })
      return
    }
    await follow(id, signal)
    const job = known(id)?.job
    // Whose word it was and when exactly it ended, its log does not tell.
    if (signal.aborted || !job || !hasEnded(job)) return
    await getJob(id, { fetch: deps.fetch, signal }).then(take, () => undefined)
  }

  const fetchTop = async () => {
    newestRequest += 1
    const request = newestRequest
    const { load, status } = store.getState()
    if (load.kind !== 'ready') store.setState({ load: LOADING })
    try {
      const page = await listJobs({ limit: PAGE_SIZE, ...(status && { status }) }, deps)
      if (request === newestRequest) store.setState((state) => withTop(state, page))
    } catch (error) {
      if (request !== newestRequest || store.getState().load.kind === 'ready') return
      store.setState({ load: { kind: 'failed', failure: failureOf(error) } })
    }
  }

  const actions: JobsActions = {
    run: async (tool, args) => {
      const { signal } = new AbortController()
      const key = deps.newId()
      try {
        const { jobId } = await untilAnswered(
          () => invokeTool({ tool, args, key }, deps),
          signal,
          () => undefined,
          deps,
        )
        return { ok: true, id: jobId }
      } catch (error) {
        return { ok: false, failure: failureOf(error) }
      }
    },

    cancel: async (id) => {
      change(id, (job) => ({ ...job, stopping: true }))
      try {
        await cancelJob(id, deps)
        return OK
      } catch (error) {
        change(id, (job) => ({ ...job, stopping: false }))
        return { ok: false, failure: failureOf(error) }
      }
    },

    watch: (id) => {
      const others = watchers.get(id)
      const watcher = others ?? { count: 0, abort: new AbortController() }
      watcher.count += 1
      if (!others) {
        watchers.set(id, watcher)
        void look(id, watcher.abort.signal)
      }
      return () => {
        watcher.count -= 1
        if (watcher.count > 0) return
        watcher.abort.abort()
        watchers.delete(id)
        change(id, (job) => ({ ...job, reading: NOT_READING }))
      }
    },

    watchList: () => {
      let stopped = false
      let cancel: () => void = () => undefined
      const turn = async () => {
        if (deps.visibility.isVisible()) await fetchTop()
        if (stopped) return
        const busy = listed(store.getState()).some(({ job }) => !hasEnded(job))
        cancel = deps.clock.after(busy ? BUSY_MS : CALM_MS, () => void turn())
      }
      void turn()
      return () => {
        stopped = true
        cancel()
      }
    },

    load: fetchTop,

    loadMore: async () => {
      const { cursor, more, status } = store.getState()
      if (cursor === undefined || more.kind === 'loading') return
      store.setState({ more: { kind: 'loading' } })
      try {
        const page = await listJobs({ cursor, limit: PAGE_SIZE, ...(status && { status }) }, deps)
        if (store.getState().status === status) store.setState((state) => withNext(state, page))
      } catch (error) {
        if (store.getState().status === status)
          store.setState({ more: { kind: 'failed', failure: failureOf(error) } })
      }
    },

    narrow: (status) => {
      if (status === store.getState().status) return
      store.setState({ status, load: LOADING, ids: [], more: NO_MORE, cursor: undefined })
      void fetchTop()
    },
  }

  return { store, actions }
}

/** The jobs that the list shows, newest first. */
export function listed(state: JobsState): KnownJob[] {
  return state.ids.flatMap((id) => state.byId[id] ?? [])
}

/** What is known of a job, with what the server says of it now. */
function merged(state: JobsState, job: Job): KnownJob {
  const before = state.byId[job.id]
  return before
    ? { ...before, ...withSnapshot(before, job) }
    : { ...startOfJob(job), reading: NOT_READING, stopping: false }
}

function known(state: JobsState, page: JobPage): JobsState['byId'] {
  const fresh = page.items.map((job) => [job.id, merged(state, job)] as const)
  return { ...state.byId, ...Object.fromEntries(fresh) }
}

/** The list with a new first page: what lies beyond it stays. */
function withTop(state: JobsState, page: JobPage): Partial<JobsState> {
  const top = page.items.map(({ id }) => id)
  const byId = known(state, page)
  if (state.ids.length > PAGE_SIZE)
    return { load: READY, byId, ids: [...new Set([...top, ...state.ids])] }
  return { load: READY, byId, ids: top, more: beyond(page.nextCursor), cursor: page.nextCursor }
}

function withNext(state: JobsState, page: JobPage): Partial<JobsState> {
  return {
    byId: known(state, page),
    ids: [...new Set([...state.ids, ...page.items.map(({ id }) => id)])],
    more: beyond(page.nextCursor),
    cursor: page.nextCursor,
  }
}

const app = createJobs({
  fetch: (input, init) => fetch(input, init),
  clock: systemClock,
  random: Math.random,
  connectivity: browserConnectivity,
  visibility: pageVisibility,
  schedule: animationFrame,
  newId: randomId,
})

export const jobsStore = app.store

/** What can be done with the page's jobs. Stable; none of it rejects. */
export const jobs = app.actions

/** The list of jobs as it is shown: how far it is loaded, and what lies beyond its end. */
export function useJobList(): Pick<JobsState, 'load' | 'more' | 'status'> & {
  readonly items: readonly KnownJob[]
} {
  const items = useStore(jobsStore, useShallow(listed))
  const rest = useStore(
    jobsStore,
    useShallow(({ load, more, status }) => ({ load, more, status })),
  )
  return { ...rest, items }
}

/** One job, and how far it has been loaded. */
export function useKnownJob(id: string): { job: KnownJob | undefined; load: LoadState } {
  const job = useStore(jobsStore, (state) => state.byId[id])
  const load = useStore(jobsStore, (state) => state.loads[id])
  return { job, load: load ?? LOADING }
}
