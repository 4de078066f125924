'use client'

import { X } from 'lucide-react'
import { useCallback } from 'react'

import { Button } from '@/components/ui/button'
import { focusItself } from '@/components/ui/focus-itself'
import { Sheet, SheetContent, SheetTitle } from '@/components/ui/sheet'
import { ui, useDrawer } from '@/stores/ui.store'

import { HistoryPanel } from '../history/HistoryPanel'

interface HistoryDrawerProps {
  thread: string
  onOpen: (id: string) => void
  onNew: () => void
}

/** The history over the conversation, on narrow screens. */
export default function HistoryDrawer({ thread, onOpen, onNew }: HistoryDrawerProps) {
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
      <SheetContent aria-describedby={undefined} onOpenAutoFocus={focusItself}>
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
