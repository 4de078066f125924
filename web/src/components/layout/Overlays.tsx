'use client'

import dynamic from 'next/dynamic'
import { useEffect } from 'react'

import { onDemand } from '@/hooks/on-demand'
import { useKeyboardShortcuts } from '@/hooks/useKeyboardShortcuts'
import { useStream } from '@/hooks/useStream'
import { loadChunk } from '@/lib/chunk'
import { ui, usePalette, useShortcutsHelp } from '@/stores/ui.store'

import { reportFailure, toasterStands } from '../toasts'

const CommandPalette = dynamic(() => loadChunk(() => import('./CommandPalette')), { ssr: false })
const ShortcutsDialog = dynamic(() => loadChunk(() => import('./ShortcutsDialog')), { ssr: false })
const useToaster = onDemand(async () => (await import('@/components/ui/sonner')).Toaster)

interface OverlaysProps {
  thread: string
  onOpen: (id: string) => void
  onNew: () => void
  onFocusComposer: () => void
}

/** What comes over the page, and the keys that call it. Each is fetched when it is first wanted. */
export function Overlays({ thread, onOpen, onNew, onFocusComposer }: OverlaysProps) {
  const palette = usePalette()
  const shortcuts = useShortcutsHelp()
  const { busy, stop } = useStream(thread)
  const drawToaster = useToaster(false)

  useKeyboardShortcuts({
    'mod+k': () => {
      ui.setPalette(palette === 'open' ? 'closed' : 'open')
    },
    'mod+shift+o': onNew,
    'mod+b': ui.toggleSidebar,
    '/': onFocusComposer,
    '?': () => {
      ui.setShortcutsHelp('open')
    },
    escape: () => {
      if (busy) void stop().then(reportFailure)
    },
  })

  const toaster = drawToaster?.({})
  const standing = toaster !== undefined
  useEffect(() => {
    if (standing) toasterStands()
  }, [standing])

  return (
    <>
      {palette === 'open' && <CommandPalette onOpen={onOpen} onNew={onNew} />}
      {shortcuts === 'open' && <ShortcutsDialog />}
      {toaster}
    </>
  )
}
