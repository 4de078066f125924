'use client'

import { Menu, PanelLeftOpen } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { ui, useSidebar } from '@/stores/ui.store'

import { shortcutHint } from '../shortcuts'

/** The ways to the history while it is not beside the page. */
export function HistoryButtons() {
  const sidebar = useSidebar()
  return (
    <>
      <Button
        variant="ghost"
        size="icon"
        className="lg:hidden"
        aria-label="Open the history"
        onClick={() => {
          ui.setDrawer('open')
        }}
      >
        <Menu aria-hidden="true" className="size-4.5" />
      </Button>
      {sidebar === 'collapsed' && (
        <Button
          variant="ghost"
          size="icon"
          className="max-lg:hidden"
          aria-label="Show the history"
          aria-expanded={false}
          title={`Show the history (${shortcutHint('mod+b')})`}
          onClick={ui.toggleSidebar}
        >
          <PanelLeftOpen aria-hidden="true" className="size-4.5" />
        </Button>
      )}
    </>
  )
}
