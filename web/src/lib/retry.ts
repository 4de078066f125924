import type { Clock } from './clock'
import type { Connectivity } from './connectivity'

/** The longest mean pause before the first retry, in milliseconds; it doubles with every further one. */
const BASE_MS = 500
const CAP_MS = 15_000

/** What waiting depends on, as values. */
export interface RetryDeps {
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly connectivity: Connectivity
}

/** What a retry waits for. */
export type Waiting =
  | { readonly kind: 'network' }
  /** `until` in milliseconds since the epoch. */
  | { readonly kind: 'retry'; readonly until: number }

/** Exponential backoff with full jitter, in milliseconds: clients cut off together do not come back together. */
export function backoffMs(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(CAP_MS, BASE_MS * 2 ** attempt))
}

/**
 * Waits before try number `attempt` (from 0): for the network if there is none, else for the backoff, but at least
 * `atLeastMs`. A network that comes back ends the wait at once; so does `signal`.
 */
export function waitToRetry(
  attempt: number,
  deps: RetryDeps,
  signal: AbortSignal,
  onWaiting: (waiting: Waiting) => void,
  atLeastMs = 0,
): Promise<void> {
  const { clock, connectivity, random } = deps
  const offline = !connectivity.isOnline()
  const delay = Math.max(backoffMs(attempt, random), atLeastMs)
  onWaiting(offline ? { kind: 'network' } : { kind: 'retry', until: clock.now() + delay })

  return new Promise((resolve) => {
    const finish = () => {
      cancelTimer()
      unsubscribe()
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const cancelTimer = offline ? () => undefined : clock.after(delay, finish)
    const unsubscribe = connectivity.subscribe(() => {
      if (connectivity.isOnline()) finish()
    })
    signal.addEventListener('abort', finish)
    if (signal.aborted) finish()
  })
}
