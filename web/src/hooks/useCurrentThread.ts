import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect, useMemo } from 'react'

import { NEW_THREAD, chat } from '@/stores/chat.store'

const PARAMETER = 'c'

/** Where a thread is shown. */
export function threadPath(thread: string): string {
  return thread === NEW_THREAD ? '/chat' : `/chat?${PARAMETER}=${encodeURIComponent(thread)}`
}

/** The conversation that the address names just now, if it names one. */
export function shownThread(): string | undefined {
  return new URLSearchParams(window.location.search).get(PARAMETER) ?? undefined
}

/** The thread that the address names (`/chat?c=<id>`), opened. Needs `<Suspense>` around it in an exported page. */
export function useCurrentThread(): string {
  const thread = useSearchParams().get(PARAMETER) ?? NEW_THREAD
  useEffect(() => {
    void chat.open(thread)
  }, [thread])
  return thread
}

/** The ways from one thread to another. */
export interface ThreadNavigation {
  readonly toThread: (id: string) => void
  readonly toNew: () => void
  /** The new thread has become this conversation: the address says so, unless the person has gone elsewhere. */
  readonly replaceThread: (id: string) => void
}

export function useNavigateThread(): ThreadNavigation {
  const router = useRouter()
  return useMemo(
    () => ({
      toThread: (id) => {
        router.push(threadPath(id))
      },
      toNew: () => {
        chat.startNew()
        router.push(threadPath(NEW_THREAD))
      },
      replaceThread: (id) => {
        if (shownThread() !== undefined) return
        window.history.replaceState(null, '', threadPath(id))
      },
    }),
    [router],
  )
}
