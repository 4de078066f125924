import { useEffect } from 'react'

import { browserDrafts } from '@/lib/draft-storage'
import { onActivity } from '@/stores/activity'
import { approvals } from '@/stores/approvals.store'
import { chat } from '@/stores/chat.store'
import { conversations } from '@/stores/conversations.store'
import { models } from '@/stores/models.store'
import { ui } from '@/stores/ui.store'

import { shownThread } from './useCurrentThread'

/**
 * Loads what every page needs, and keeps it in agreement with the server and the browser's other tabs. Mount it once.
 */
export function useLiveData(): void {
  useEffect(() => {
    ui.restore()
    void models.load()
    void conversations.load()
    void approvals.load()
  }, [])

  useEffect(
    () =>
      onActivity((conversationId, origin) => {
        void conversations.refresh()
        if (origin === 'other-tab') void chat.refresh(conversationId)
      }),
    [],
  )

  useEffect(() => {
    const refresh = () => {
      if (document.visibilityState !== 'visible') return
      void models.load()
      void conversations.refresh()
      void approvals.load()
      const thread = shownThread()
      if (thread !== undefined) void chat.refresh(thread)
    }
    const leave = () => {
      conversations.flushRemovals()
      browserDrafts.leave()
    }
    document.addEventListener('visibilitychange', refresh)
    window.addEventListener('focus', refresh)
    window.addEventListener('online', refresh)
    window.addEventListener('pagehide', leave)
    window.addEventListener('pageshow', browserDrafts.reclaim)
    browserDrafts.reclaim()
    return () => {
      document.removeEventListener('visibilitychange', refresh)
      window.removeEventListener('focus', refresh)
      window.removeEventListener('online', refresh)
      window.removeEventListener('pagehide', leave)
      window.removeEventListener('pageshow', browserDrafts.reclaim)
    }
  }, [])
}
