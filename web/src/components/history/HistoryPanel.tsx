'use client'

import { ChartNoAxesColumn, type LucideIcon, Search, SquarePen, Wrench, X } from 'lucide-react'
import Link from 'next/link'
import { usePathname } from 'next/navigation'
import { memo, useState, type ReactNode } from 'react'

import { Button } from '@/components/ui/button'
import { Input } from '@/components/ui/input'
import { conversations, useConversationList } from '@/stores/conversations.store'
import { ui } from '@/stores/ui.store'

import { shortcutHint } from '../shortcuts'
import { LogoMark } from '../layout/Logo'
import { HistoryList } from './HistoryList'

interface HistoryPanelProps {
  thread: string
  onOpen: (id: string) => void
  onNew: () => void
  /** The button that hides the panel. */
  close: ReactNode
}

/** Everything that was said before: search, new chat and the list. */
export const HistoryPanel = memo(function HistoryPanel({
  thread,
  onOpen,
  onNew,
  close,
}: HistoryPanelProps) {
  return (
    <div className="flex h-full min-h-0 flex-col pt-[env(safe-area-inset-top)]">
      <div className="flex h-(--header-height) shrink-0 items-center justify-between pr-2.5 pl-4">
        <span className="flex items-center gap-2 text-[0.9375rem] font-semibold tracking-tight text-foreground">
          <LogoMark className="size-5.5 text-primary" />
          Weir
        </span>
        {close}
      </div>
      <div className="flex flex-col gap-2 px-2.5 pb-2">
        <Button
          variant="outline"
          className="h-9 justify-start gap-2.5 px-2.5 text-[0.8125rem] max-lg:h-11 max-lg:text-sm"
          aria-keyshortcuts="Control+Shift+O Meta+Shift+O"
          onClick={onNew}
        >
          <SquarePen aria-hidden="true" className="text-muted-foreground" />
          New chat
          <span
            aria-hidden="true"
            suppressHydrationWarning
            className="ml-auto text-xs font-normal text-muted-foreground max-lg:hidden"
          >
            {shortcutHint('mod+shift+o')}
          </span>
        </Button>
        <SearchField />
        <PageLink href="/tools" Icon={Wrench} label="Tools" />
        <PageLink href="/dashboard" Icon={ChartNoAxesColumn} label="Dashboard" />
      </div>
      <div
        className="min-h-0 flex-1 scrollbar-thin overflow-y-auto overscroll-contain pb-[max(0.5rem,env(safe-area-inset-bottom))]"
        // Chromium makes a scrollable box focusable by itself; its links are reached anyway.
        tabIndex={-1}
      >
        <HistoryList
          thread={thread}
          onOpen={onOpen}
          onDeleted={(id) => {
            if (id === thread) onNew()
          }}
        />
      </div>
    </div>
  )
})

/** One of the other pages. */
function PageLink({ Icon, href, label }: { Icon: LucideIcon; href: string; label: string }) {
  const isHere = usePathname() === href
  return (
    <Link
      href={href}
      // What another page needs is fetched when somebody wants it.
      prefetch={false}
      aria-current={isHere ? 'page' : undefined}
      className="flex h-9 items-center gap-2.5 rounded-md px-2.5 text-[0.8125rem] font-medium text-sidebar-foreground transition-colors hover:bg-sidebar-accent aria-[current=page]:bg-sidebar-accent aria-[current=page]:text-sidebar-accent-foreground max-lg:h-11 max-lg:text-sm"
      onClick={() => {
        ui.setDrawer('closed')
      }}
    >
      <Icon aria-hidden="true" className="size-4 text-muted-foreground" />
      {label}
    </Link>
  )
}

function SearchField() {
  const { query } = useConversationList()
  const [text, setText] = useState(query)
  const search = (value: string) => {
    setText(value)
    conversations.search(value)
  }
  return (
    <div role="search" className="relative">
      <Search
        aria-hidden="true"
        className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-muted-foreground"
      />
      <Input
        type="search"
        aria-label="Search conversations"
        placeholder="Search"
        value={text}
        className="pr-9 pl-9.5 text-[0.8125rem] max-lg:h-11 max-lg:text-base [&::-webkit-search-cancel-button]:hidden"
        onChange={(event) => {
          search(event.target.value)
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || text === '') return
          event.stopPropagation()
          search('')
        }}
      />
      {text !== '' && (
        <Button
          variant="ghost"
          size="icon-xs"
          aria-label="Clear search"
          className="absolute top-1/2 right-1 -translate-y-1/2"
          onClick={() => {
            search('')
          }}
        >
          <X aria-hidden="true" />
        </Button>
      )}
    </div>
  )
}
