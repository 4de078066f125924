'use client'

import { PanelLeftClose, X } from 'lucide-react'
import { useCallback, useEffect, type ReactNode } from 'react'

import { Button } from '@/components/ui/button'
import { Sheet, SheetContent, SheetTitle } from '@/components/ui/sheet'
import { useMediaQuery } from '@/hooks/useMediaQuery'
import { ui, uiStore, useDrawer, useSidebar } from '@/stores/ui.store'

import { HistoryPanel } from '../history/HistoryPanel'
import { shortcutHint } from '../shortcuts'
import { Header } from './Header'
import { ShellFrame } from './ShellFrame'

/** From here on the history stands beside the conversation; below, it comes over it. */
const WIDE = '(min-width: 64rem)'

interface AppShellProps {
  thread: string
  onOpen: (id: string) => void
  onNew: () => void
  children: ReactNode
}

/** History, header and the page between them. */
export function AppShell({ thread, onOpen, onNew, children }: AppShellProps) {
  const sidebar = useSidebar()
  const wide = useMediaQuery(WIDE)

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
      sidebar={sidebar}
      panel={
        wide && (
          <HistoryPanel thread={thread} onOpen={onOpen} onNew={onNew} close={<CollapseButton />} />
        )
      }
      header={<Header thread={thread} onNew={onNew} />}
    >
      {children}
      {!wide && <HistoryDrawer thread={thread} onOpen={onOpen} onNew={onNew} />}
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

function HistoryDrawer({ thread, onOpen, onNew }: Omit<AppShellProps, 'children'>) {
  const drawer = useDrawer()
  const open = useCallback(
    (id: string) => {
      ui.setDrawer('closed')
      onOpen(id)
    },
    [onOpen],
  )
  const startNew = useCallback(() => {
    ui.setDrawer('closed')
    onNew()
  }, [onNew])

  return (
    <Sheet
      open={drawer === 'open'}
      onOpenChange={(shown) => {
        ui.setDrawer(shown ? 'open' : 'closed')
      }}
    >
      <SheetContent
        aria-describedby={undefined}
        // The first field would open the keyboard over the list.
        onOpenAutoFocus={(event) => {
          event.preventDefault()
          if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus()
        }}
      >
        <SheetTitle className="sr-only">History</SheetTitle>
        <nav aria-label="Conversations" className="min-h-0 flex-1">
          <HistoryPanel
            thread={thread}
            onOpen={open}
            onNew={startNew}
            close={
              <Button
                variant="ghost"
                size="icon"
                aria-label="Close the history"
                onClick={() => {
                  ui.setDrawer('closed')
                }}
              >
                <X aria-hidden="true" />
              </Button>
            }
          />
        </nav>
      </SheetContent>
    </Sheet>
  )
}
