import { useCallback } from 'react'

import type { Outcome } from '@/lib/failure'
import { type ActiveRun, chat, useActiveRun } from '@/stores/chat.store'

/** The answer that is being made in a thread. */
export interface StreamState {
  readonly run: ActiveRun | undefined
  /** An answer is being made: the next message has to wait. */
  readonly busy: boolean
  readonly stop: () => Promise<Outcome>
}

/** The answer that is being made in a thread, and the way to stop it. Tokens do not re-render it. */
export function useStream(thread: string): StreamState {
  const run = useActiveRun(thread)
  const stop = useCallback(() => chat.stop(thread), [thread])
  return { run, busy: run !== undefined, stop }
}
