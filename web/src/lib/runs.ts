import type { StartRun } from '@/types/api'

import { loadValidators } from './contract'
import { ApiError, OfflineError } from './errors'
import { type Fetch, request } from './fetcher'
import { type RetryDeps, type Waiting, waitToRetry } from './retry'
import { type StreamDeps, isPassing } from './sse'

/** How often a start is tried while the browser believes that it has a network. */
const MAX_TRIES = 6

/** A run that the server has stored; `response` streams its events from the first on. */
export interface StartedRun {
  readonly runId: string
  readonly conversationId: string
  readonly response: Response
}

/**
 * Starts a run. A connection that breaks before the headers is tried again with the same key, so that nothing is ever
 * started twice; without a network it waits for one.
 * @throws {ApiError} when the server says no. @throws {OfflineError} when it cannot be reached.
 * @throws {ContractError} when the answer does not fit. @throws {DOMException} `AbortError` when `signal` aborts.
 */
export async function startRun(
  body: StartRun,
  key: string,
  signal: AbortSignal,
  onWaiting: (waiting: Waiting) => void,
  deps: StreamDeps,
): Promise<StartedRun> {
  return untilAnswered(
    async () => {
      const response = await request('/api/realtime', {
        method: 'POST',
        body: { schema: (v) => v.zStartRun, value: body },
        idempotencyKey: key,
        headers: { accept: 'text/event-stream' },
        fetch: deps.fetch,
        signal,
      })
      const { parse, zId } = await loadValidators()
      return {
        runId: parse(zId, response.headers.get('weir-run-id'), 'weir-run-id'),
        conversationId: parse(
          zId,
          response.headers.get('weir-conversation-id'),
          'weir-conversation-id',
        ),
        response,
      }
    },
    signal,
    onWaiting,
    deps,
  )
}

/**
 * Asks until an answer comes: for what carries an idempotency key. Without a network it waits for one; else it gives up
 * after some tries. Throws what `ask` throws, and as `signal` aborts.
 */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  onWaiting: (waiting: Waiting) => void,
  deps: RetryDeps,
): Promise<T> {
  for (let attempt = 0; ;) {
    try {
      return await ask()
    } catch (error) {
      const offline = error instanceof OfflineError && !deps.connectivity.isOnline()
      if (!offline) attempt += 1
      if (!isWorthAnotherTry(error) || attempt >= MAX_TRIES) throw error
      await waitToRetry(attempt, deps, signal, onWaiting)
      signal.throwIfAborted()
    }
  }
}

/** Stops a run, from wherever it was started. Safe to repeat. Throws as `request` does. */
export async function cancelRun(runId: string, fetch: Fetch): Promise<void> {
  await request(`/api/realtime/${runId}`, { method: 'DELETE', fetch })
}

/** No answer at all, or one of a proxy whose server is away. What the server itself refused, it refuses again. */
function isWorthAnotherTry(error: unknown): boolean {
  if (error instanceof OfflineError) return true
  return error instanceof ApiError && isPassing(error) && error.code.startsWith('http_5')
}
