'use client'

import dynamic from 'next/dynamic'

import { useKeyboardShortcuts } from '@/hooks/useKeyboardShortcuts'
import { useStream } from '@/hooks/useStream'
import { loadChunk } from '@/lib/chunk'
import { ui, usePalette, useShortcutsHelp } from '@/stores/ui.store'

import { reportFailure } from '../toasts'

const CommandPalette = dynamic(() => loadChunk(() => import('./CommandPalette')), { ssr: false })
const ShortcutsDialog = dynamic(() => loadChunk(() => import('./ShortcutsDialog')), { ssr: false })
const Toaster = dynamic(
  () => loadChunk(() => import('@/components/ui/sonner')).then(({ Toaster: T }) => T),
  {
    ssr: false,
  },
)

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

  return (
    <>
      {palette === 'open' && <CommandPalette onOpen={onOpen} onNew={onNew} />}
      {shortcuts === 'open' && <ShortcutsDialog />}
      <Toaster />
    </>
  )
}
