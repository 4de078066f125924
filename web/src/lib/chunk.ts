import { systemClock } from './clock'
import { browserConnectivity } from './connectivity'
import { type RetryDeps, waitToRetry } from './retry'

/** How often a part is asked for while the browser believes that it has a network: some 20 s together. */
const MAX_TRIES = 8

const browser: RetryDeps = {
  clock: systemClock,
  random: Math.random,
  connectivity: browserConnectivity,
}

/**
 * Fetches a part of the app's script that comes later, through lost connections and times without a network: what
 * needs it waits, and the page around it lives on. Rejects with the last failure when the server stays away, or has
 * that part no more because it was updated.
 */
export async function loadChunk<T>(load: () => Promise<T>, deps: RetryDeps = browser): Promise<T> {
  const { signal } = new AbortController()
  for (let attempt = 0; ;) {
    try {
      return await load()
    } catch (error) {
      if (deps.connectivity.isOnline()) attempt += 1
      if (attempt >= MAX_TRIES) throw error
      await waitToRetry(attempt, deps, signal, () => undefined)
    }
  }
}
