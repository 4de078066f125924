'use client'

import { useCallback, useEffect } from 'react'

import { useNavigateThread } from '@/hooks/useCurrentThread'
import { useLiveData } from '@/hooks/useLiveData'
import { type ToolsPlace, useToolsPlace } from '@/hooks/useToolsPlace'
import { useWebSocket } from '@/hooks/useWebSocket'
import { NEW_THREAD } from '@/stores/chat.store'
import { tools } from '@/stores/tools.store'

import { ConnectionBanner } from '../chat/ConnectionBanner'
import { AppShell } from '../layout/AppShell'
import { Overlays } from '../layout/Overlays'
import { PageHeader } from '../layout/PageHeader'
import { ActivityView } from './ActivityView'
import { BrowseView } from './BrowseView'
import { focusSearch } from './search-id'
import { ServersView } from './servers/ServersView'
import { SKIP } from './skip'
import { ToolsNav } from './ToolsNav'

/** The whole of /tools. */
export function ToolsScreen() {
  useLiveData()
  const { toThread, toNew } = useNavigateThread()
  const place = useToolsPlace()

  useEffect(() => {
    const load = () => {
      if (document.visibilityState === 'visible') void tools.load()
    }
    load()
    window.addEventListener('focus', load)
    window.addEventListener('online', load)
    return () => {
      window.removeEventListener('focus', load)
      window.removeEventListener('online', load)
    }
  }, [])

  // No conversation is on the screen that could be deleted elsewhere.
  useWebSocket(useCallback(() => undefined, []))

  return (
    <AppShell
      thread={NEW_THREAD}
      onOpen={toThread}
      onNew={toNew}
      header={<PageHeader title="Tools" />}
      skip={SKIP}
    >
      <ConnectionBanner thread={NEW_THREAD} />
      <ToolsNav view={place.view} />
      <View place={place} />
      <Overlays thread={NEW_THREAD} onOpen={toThread} onNew={toNew} onFocusComposer={focusSearch} />
    </AppShell>
  )
}

function View({ place }: { place: ToolsPlace }) {
  switch (place.view) {
    case 'browse':
      return <BrowseView place={place} />
    case 'activity':
      return <ActivityView place={place} />
    case 'servers':
      return <ServersView place={place} />
  }
}
