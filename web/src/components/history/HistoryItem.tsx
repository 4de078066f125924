'use client'

import { Ellipsis, Pencil, Pin, PinOff, Trash2 } from 'lucide-react'
import { memo, useRef, useState } from 'react'

import { Button } from '@/components/ui/button'
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from '@/components/ui/dropdown-menu'
import { cn } from '@/lib/utils'
import { conversations } from '@/stores/conversations.store'
import type { Conversation } from '@/types/chat'

import { reportFailure } from '../toasts'
import { RenameField } from './RenameField'

interface HistoryItemProps {
  conversation: Conversation
  active: boolean
  onOpen: (id: string) => void
  onDelete: (conversation: Conversation) => void
}

/** One conversation of the panel: a link, and a menu of what can be done with it. */
export const HistoryItem = memo(function HistoryItem({
  conversation,
  active,
  onOpen,
  onDelete,
}: HistoryItemProps) {
  const [mode, setMode] = useState<'shown' | 'renaming'>('shown')
  const link = useRef<HTMLAnchorElement>(null)
  const { id, title, pinned } = conversation
  const running = conversation.activeRunId !== undefined

  if (mode === 'renaming') {
    return (
      <li>
        <RenameField
          title={title}
          onDone={(renamed) => {
            setMode('shown')
            if (renamed !== undefined) void conversations.rename(id, renamed).then(reportFailure)
            requestAnimationFrame(() => link.current?.focus())
          }}
        />
      </li>
    )
  }

  return (
    <li
      data-conversation-id={id}
      data-active={active ? '' : undefined}
      className="group/item relative [contain-intrinsic-size:auto_36px] [content-visibility:auto] max-lg:[contain-intrinsic-size:auto_44px]"
    >
      <a
        ref={link}
        href={`/chat?c=${id}`}
        aria-current={active ? 'page' : undefined}
        title={title}
        className={cn(
          'flex h-9 items-center gap-2 rounded-lg pr-9 pl-2.5 text-[0.8125rem] transition-colors outline-none hover:bg-sidebar-accent focus-visible:ring-2 focus-visible:ring-ring focus-visible:ring-inset max-lg:h-11 max-lg:text-sm',
          active && 'bg-sidebar-accent font-medium text-sidebar-accent-foreground',
        )}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return
          event.preventDefault()
          onOpen(id)
        }}
      >
        {running && (
          <span
            role="img"
            aria-label="Answer in progress"
            className="size-2 shrink-0 animate-pulse rounded-full bg-primary"
          />
        )}
        <span className="truncate">{title === '' ? 'New chat' : title}</span>
      </a>
      <DropdownMenu>
        <DropdownMenuTrigger asChild>
          <Button
            variant="ghost"
            size="icon-xs"
            aria-label={`Actions for ${title}`}
            className="absolute top-1 right-1 opacity-0 group-hover/item:opacity-100 focus-visible:opacity-100 data-[state=open]:opacity-100 max-lg:top-2 pointer-coarse:opacity-100"
          >
            <Ellipsis aria-hidden="true" />
          </Button>
        </DropdownMenuTrigger>
        <DropdownMenuContent
          align="start"
          onCloseAutoFocus={(event) => {
            // The field that renaming opens takes the focus itself.
            if (link.current === null) event.preventDefault()
          }}
        >
          <DropdownMenuItem
            onSelect={() => {
              setMode('renaming')
            }}
          >
            <Pencil aria-hidden="true" />
            Rename
          </DropdownMenuItem>
          <DropdownMenuItem
            onSelect={() => {
              void conversations.setPinned(id, !pinned).then(reportFailure)
            }}
          >
            {pinned ? <PinOff aria-hidden="true" /> : <Pin aria-hidden="true" />}
            {pinned ? 'Unpin' : 'Pin'}
          </DropdownMenuItem>
          <DropdownMenuSeparator />
          <DropdownMenuItem
            variant="destructive"
            onSelect={() => {
              onDelete(conversation)
            }}
          >
            <Trash2 aria-hidden="true" />
            Delete
          </DropdownMenuItem>
        </DropdownMenuContent>
      </DropdownMenu>
    </li>
  )
})
