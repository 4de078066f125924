import { type EventSourceMessage, createParser } from 'eventsource-parser'

import type { RunEvent } from '@/types/chat'

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

export interface Following {
  readonly runId: string
  /** The number of the newest event that the caller has; 0 for none. */
  readonly after: number
  /** A response whose body already streams the events after `after`: that of the POST that started the run. */
  readonly opened?: Response
  readonly signal: AbortSignal
  /** Each event of the log after `after`: once, in order. */
  onEvent(event: RunEvent): void
  /** The connection stands. */
  onOpen(): void
  /** The connection is lost, and this is what its return waits for. */
  onWaiting(waiting: Waiting): void
}

/** How following ended: the run did, the caller left, or the server refused for good. */
export type FollowEnd =
  | { readonly kind: 'done' }
  | { readonly kind: 'left' }
  | { readonly kind: 'refused'; readonly error: ApiError | ContractError }

/** Follows a run's log to its `done`, through lost connections, restarts of the server and times without a network. */
export async function followRun(following: Following, deps: StreamDeps): Promise<FollowEnd> {
  const { runId, signal } = following
  let { after, opened } = following
  let attempt = 0
  for (;;) {
    let atLeastMs = 0
    try {
      const response = opened ?? (await openRun(runId, after, deps.fetch, signal))
      opened = undefined
      following.onOpen()
      for await (const event of readEvents(response, deps.clock, signal)) {
        if (event.seq <= after) continue
        after = event.seq
        attempt = 0
        following.onEvent(event)
        if (event.type === 'done') return { kind: 'done' }
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
export async function* readEvents(
  response: Response,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  const reader = response.body?.getReader()
  if (!reader) throw new OfflineError()
  const decoder = new TextDecoder()
  const events: RunEvent[] = []
  try {
    const validators = await loadValidators()
    const parser = createParser({
      onEvent: (message) => events.push(toRunEvent(message, validators)),
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

function openRun(
  runId: string,
  after: number,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Response> {
  return request(withQuery(`/api/realtime/${runId}`, { after }), {
    headers: { accept: 'text/event-stream' },
    fetch,
    signal,
  })
}

function toRunEvent(message: EventSourceMessage, validators: Validators): RunEvent {
  const { parse, parseJson, zAnything, zEventNumber, zStreamChunk } = validators
  const type = message.event ?? ''
  const seq = parse(zEventNumber, Number(message.id ?? Number.NaN), `the id of a ${type} event`)
  const data = parseJson(zAnything, message.data, `the data of event ${seq}`)
  return { ...parse(zStreamChunk, { type, data }, `event ${seq} (${type})`), seq }
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
