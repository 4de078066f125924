import { type EventSourceMessage, createParser } from 'eventsource-parser'

import type { RunEvent } from '@/types/chat'
import type { JobEvent } from '@/types/tools'

import type { Clock } from './clock'
import { type Validators, loadValidators } from './contract'
import { ApiError, ContractError, OfflineError, isAbort } from './errors'
import { type Fetch, request, withQuery } from './fetcher'
import { type RetryDeps, type Waiting, waitToRetry } from './retry'

/** The server writes at least a comment this often while a run goes on, in milliseconds. */
export const HEARTBEAT_MS = 15_000
/** Two heartbeats and a half without a byte: the connection is dead, whatever the socket says. */
export const SILENCE_MS = 2.5 * HEARTBEAT_MS

/** What following a run depends on, as values. */
export interface StreamDeps extends RetryDeps {
  readonly fetch: Fetch
}

/** An event of a log, with its number. */
interface Numbered {
  readonly seq: number
}

/** A log: where it is read, what its events are, and which of them is the last. */
interface LogKind<Event extends Numbered> {
  readonly path: string
  /** @throws {ContractError} when the event does not fit the contract. */
  readonly toEvent: (told: Told, validators: Validators) => Event
  readonly isLast: (event: Event) => boolean
}

/** A server-sent event whose number and JSON have been read. */
interface Told extends Numbered {
  readonly type: string
  readonly data: unknown
}

/** Whoever follows a log. */
export interface LogFollowing<Event extends Numbered> {
  /** The number of the newest event that the caller has; 0 for none. */
  readonly after: number
  /** A response whose body already streams the events after `after`: that of the POST that started it. */
  readonly opened?: Response
  readonly signal: AbortSignal
  /** Each event of the log after `after`: once, in order. */
  onEvent(event: Event): void
  /** The connection stands. */
  onOpen(): void
  /** The connection is lost, and this is what its return waits for. */
  onWaiting(waiting: Waiting): void
}

export interface Following extends LogFollowing<RunEvent> {
  readonly runId: string
}

/** How following ended: the log did, the caller left, or the server refused for good. */
export type FollowEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'left' }
  | { readonly kind: 'refused'; readonly error: ApiError | ContractError }

/** Follows a run's log to its `done`, through lost connections, restarts of the server and times without a network. */
export function followRun(following: Following, deps: StreamDeps): Promise<FollowEnd> {
  return followLog(runLog(following.runId), following, deps)
}

/** Follows a job's log to its `complete` or `error`, as {@link followRun} does a run's. */
export function followJob(
  jobId: string,
  following: LogFollowing<JobEvent>,
  deps: StreamDeps,
): Promise<FollowEnd> {
  const log: LogKind<JobEvent> = {
    path: `/api/jobs/${encodeURIComponent(jobId)}/events`,
    toEvent: ({ data, seq, type }, { parse, zJobEvent }) => ({
      ...parse(zJobEvent, { type, data }, `event ${seq} (${type})`),
      seq,
    }),
    isLast: ({ type }) => type === 'complete' || type === 'error',
  }
  return followLog(log, following, deps)
}

/** The log of a run. */
export function runLog(runId: string): LogKind<RunEvent> {
  return {
    path: `/api/realtime/${runId}`,
    toEvent: ({ data, seq, type }, { parse, zStreamChunk }) => ({
      ...parse(zStreamChunk, { type, data }, `event ${seq} (${type})`),
      seq,
    }),
    isLast: ({ type }) => type === 'done',
  }
}

async function followLog<Event extends Numbered>(
  log: LogKind<Event>,
  following: LogFollowing<Event>,
  deps: StreamDeps,
): Promise<FollowEnd> {
  const { signal } = following
  let { after, opened } = following
  let attempt = 0
  for (;;) {
    let atLeastMs = 0
    try {
      const response = opened ?? (await openLog(log.path, after, deps.fetch, signal))
      opened = undefined
      following.onOpen()
      for await (const event of readEvents(response, log, deps.clock, signal)) {
        if (event.seq <= after) continue
        after = event.seq
        attempt = 0
        following.onEvent(event)
        if (log.isLast(event)) return { kind: 'done' }
      }
    } catch (error) {
      opened = undefined
      if (signal.aborted || isAbort(error)) return { kind: 'left' }
      if (error instanceof ContractError) return { kind: 'refused', error }
      if (error instanceof ApiError) {
        if (!isPassing(error)) return { kind: 'refused', error }
        atLeastMs = error.retryAfterMs ?? 0
      } else if (!(error instanceof OfflineError)) throw error
    }
    await waitToRetry(
      attempt,
      deps,
      signal,
      (waiting) => {
        following.onWaiting(waiting)
      },
      atLeastMs,
    )
    if (signal.aborted) return { kind: 'left' }
    attempt += 1
  }
}

/** Is it an error that another try may not meet? Too many requests, or a server or proxy in trouble. */
export function isPassing(error: ApiError): boolean {
  return error.status === 429 || error.status >= 500
}

/**
 * The events of one response body, in order, until it ends.
 * @throws {OfflineError} when the connection breaks, or is silent for {@link SILENCE_MS}.
 * @throws {ContractError} when an event does not fit the contract.
 * @throws {DOMException} `AbortError` when `signal` aborts.
 */
export async function* readEvents<Event extends Numbered>(
  response: Response,
  log: LogKind<Event>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const reader = response.body?.getReader()
  if (!reader) throw new OfflineError()
  const decoder = new TextDecoder()
  const events: Event[] = []
  try {
    const validators = await loadValidators()
    const parser = createParser({
      onEvent: (message) => events.push(log.toEvent(told(message, validators), validators)),
    })
    for (;;) {
      const bytes = await readInTime(reader, clock, signal)
      if (!bytes) return
      parser.feed(decoder.decode(bytes, { stream: true }))
      yield* events.splice(0)
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

function openLog(
  path: string,
  after: number,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Response> {
  return request(withQuery(path, { after }), {
    headers: { accept: 'text/event-stream' },
    fetch,
    signal,
  })
}

function told(message: EventSourceMessage, validators: Validators): Told {
  const { parse, parseJson, zAnything, zEventNumber } = validators
  const type = message.event ?? ''
  const seq = parse(zEventNumber, Number(message.id ?? Number.NaN), `the id of a ${type} event`)
  return { type, seq, data: parseJson(zAnything, message.data, `the data of event ${seq}`) }
}

/** The next bytes, or undefined at the end of the body. */
function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      cancelTimer()
      signal.removeEventListener('abort', abort)
      act()
    }
    const abort = () => {
      settle(() => {
        reject(new DOMException('The reader left.', 'AbortError'))
      })
    }
    const cancelTimer = clock.after(SILENCE_MS, () => {
      settle(() => {
        reject(new OfflineError())
      })
    })
    signal.addEventListener('abort', abort)
    if (signal.aborted) {
      abort()
      return
    }
    reader.read().then(
      ({ value }) => {
        settle(() => {
          resolve(value)
        })
      },
      (error: unknown) => {
        settle(() => {
          reject(isAbort(error) ? (error as DOMException) : new OfflineError(error))
        })
      },
    )
  })
}
