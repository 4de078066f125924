'use client'

import { onDemand } from '@/hooks/on-demand'
import { useNavigateThread } from '@/hooks/useCurrentThread'
import { useKeyboardShortcuts } from '@/hooks/useKeyboardShortcuts'
import { useLiveData } from '@/hooks/useLiveData'
import { useMetricsFeed } from '@/hooks/useMetricsFeed'
import { useWall } from '@/hooks/useWall'
import { NEW_THREAD } from '@/stores/chat.store'

import { ConnectionBanner } from '../chat/ConnectionBanner'
import { AppShell } from '../layout/AppShell'
import { Overlays } from '../layout/Overlays'
import { PageHeader } from '../layout/PageHeader'
import { DashboardSkeleton } from './DashboardSkeleton'
import { SKIP } from './skip'

const useContent = onDemand(async () => (await import('./DashboardContent')).default)

/** The whole of /dashboard: a page of the app, or alone on a screen on a wall. */
export function DashboardScreen() {
  useLiveData()
  useMetricsFeed()
  const { toThread, toNew } = useNavigateThread()
  const [wall, toggleWall] = useWall()
  const draw = useContent(true)
  useKeyboardShortcuts({ f: toggleWall, ...(wall && { escape: toggleWall }) })

  const look = wall ? 'wall' : 'page'
  const content = draw?.({ look, onLook: toggleWall }) ?? <DashboardSkeleton />
  if (wall)
    return (
      // A wall is dark, whatever the person's theme.
      <main className="dark min-h-dvh bg-background text-foreground md:h-dvh md:overflow-hidden">
        <h1 className="sr-only">Dashboard</h1>
        {content}
      </main>
    )
  return (
    <AppShell
      thread={NEW_THREAD}
      onOpen={toThread}
      onNew={toNew}
      header={<PageHeader title="Dashboard" />}
      skip={SKIP}
    >
      <ConnectionBanner thread={NEW_THREAD} />
      {content}
      <Overlays thread={NEW_THREAD} onOpen={toThread} onNew={toNew} onFocusComposer={toNew} />
    </AppShell>
  )
}
