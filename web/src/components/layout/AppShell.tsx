'use client'

import { PanelLeftClose } from 'lucide-react'
import { useEffect, type ReactNode } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import { useMediaQuery } from '@/hooks/useMediaQuery'
import { ui, uiStore, useDrawer, useSidebar } from '@/stores/ui.store'

import { shortcutHint } from '../shortcuts'
import { HistoryPlaceholder } from './HistoryPlaceholder'
import { ShellFrame, type Skip } from './ShellFrame'

const useHistoryPanel = onDemand(async () => (await import('../history/HistoryPanel')).HistoryPanel)
const useHistoryDrawer = onDemand(async () => (await import('./HistoryDrawer')).default)

/** From here on the history stands beside the conversation; below, it comes over it. */
const WIDE = '(min-width: 64rem)'

interface AppShellProps {
  thread: string
  onOpen: (id: string) => void
  onNew: () => void
  header: ReactNode
  /** Absent: to the message field. */
  skip?: Skip
  children: ReactNode
}

/** History, header and the page between them. */
export function AppShell({ thread, onOpen, onNew, header, skip, children }: AppShellProps) {
  const sidebar = useSidebar()
  const wide = useMediaQuery(WIDE)
  const drawer = useDrawer()
  const drawPanel = useHistoryPanel(wide)
  const drawDrawer = useHistoryDrawer(!wide && drawer === 'open')

  // Only changes: what was kept stands there already, by the inline script.
  useEffect(
    () =>
      uiStore.subscribe((state) => {
        document.documentElement.dataset['sidebar'] = state.sidebar
      }),
    [],
  )

  return (
    <ShellFrame
      {...(skip && { skip })}
      sidebar={sidebar}
      panel={
        wide &&
        (drawPanel?.({ thread, onOpen, onNew, close: <CollapseButton /> }) ?? (
          <HistoryPlaceholder />
        ))
      }
      header={header}
    >
      {children}
      {!wide && drawDrawer?.({ thread, onOpen, onNew })}
    </ShellFrame>
  )
}

function CollapseButton() {
  return (
    <Button
      variant="ghost"
      size="icon-sm"
      aria-label="Hide the history"
      aria-expanded
      title={`Hide the history (${shortcutHint('mod+b')})`}
      className="hover:bg-sidebar-accent"
      onClick={ui.toggleSidebar}
    >
      <PanelLeftClose aria-hidden="true" className="size-4.5" />
    </Button>
  )
}
