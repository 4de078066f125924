'use client'

import dynamic from 'next/dynamic'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

import { Button } from '@/components/ui/button'
import { useToday } from '@/hooks/useToday'
import { loadChunk } from '@/lib/chunk'
import { conversations, useConversationList } from '@/stores/conversations.store'
import type { Conversation } from '@/types/chat'

import { focusComposer } from '../composer-id'
import { HistorySkeleton } from '../Skeleton'
import { reportFailure, reportUndoable } from '../toasts'
import { groupConversations } from './groups'
import { HistoryItem } from './HistoryItem'

const DeleteDialog = dynamic(() => loadChunk(() => import('./DeleteDialog')), { ssr: false })

/** How long the way back is offered; the store waits a little longer before it deletes. */
const UNDO_SHOWN_MS = 5_500

/** Focuses a conversation in the list, or the message field when it is no longer there. */
function focusConversation(id: string) {
  const link = document.querySelector<HTMLElement>(`[data-conversation-id="${id}"] > a`)
  if (link === null) focusComposer()
  else link.focus()
}

interface HistoryListProps {
  /** The conversation being shown, or anything else for none. */
  thread: string
  onOpen: (id: string) => void
  onDeleted: (id: string) => void
}

/** The conversations under their headings, with everything that can happen to such a list. */
export function HistoryList({ thread, onOpen, onDeleted }: HistoryListProps) {
  const { load, items, more, query } = useConversationList()
  const [deleting, setDeleting] = useState<Conversation>()
  const today = useToday()
  const groups = useMemo(() => groupConversations(items, today), [items, today])
  const askToDelete = useCallback((conversation: Conversation) => {
    setDeleting(conversation)
  }, [])

  if (items.length === 0) {
    if (load.kind === 'failed') {
      return (
        <Notice
          text={load.failure.message}
          action="Try again"
          onAction={() => void conversations.load()}
          alert
        />
      )
    }
    if (load.kind !== 'ready') return <HistorySkeleton />
    return (
      <Notice
        text={
          query === '' ? 'Your conversations will be listed here.' : `Nothing found for “${query}”.`
        }
      />
    )
  }

  return (
    <>
      {groups.map(({ label, items: group }) => (
        <section key={label} aria-label={label} className="px-2 pb-3">
          <h3 className="px-2.5 pt-2 pb-1 text-xs font-medium text-muted-foreground">{label}</h3>
          <ul className="flex flex-col gap-px">
            {group.map((conversation) => (
              <HistoryItem
                key={conversation.id}
                conversation={conversation}
                active={conversation.id === thread}
                onOpen={onOpen}
                onDelete={askToDelete}
              />
            ))}
          </ul>
        </section>
      ))}
      {more.kind === 'loading' && <HistorySkeleton rows={3} />}
      {more.kind === 'failed' && (
        <Notice
          text={more.failure.message}
          action="Try again"
          onAction={() => void conversations.loadMore()}
          alert
        />
      )}
      {more.kind === 'available' && <EndOfPage key={items.length} />}
      {deleting !== undefined && (
        <DeleteDialog
          title={deleting.title}
          onClose={() => {
            setDeleting(undefined)
          }}
          onReturnFocus={() => {
            focusConversation(deleting.id)
          }}
          onConfirm={() => {
            const { id } = deleting
            void conversations.remove(id).then(reportFailure)
            reportUndoable(
              'Conversation deleted',
              () => {
                conversations.undoRemove(id)
              },
              UNDO_SHOWN_MS,
            )
            onDeleted(id)
          }}
        />
      )}
    </>
  )
}

/** Asks for the next page when it comes near the view. A new one, by its key, for each page. */
function EndOfPage() {
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (end.current === null) return
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting === true) void conversations.loadMore()
      },
      { rootMargin: '400px 0px' },
    )
    observer.observe(end.current)
    return () => {
      observer.disconnect()
    }
  }, [])
  return <div ref={end} className="h-px" />
}

interface NoticeProps {
  text: string
  action?: string
  onAction?: () => void
  alert?: boolean
}

function Notice({ text, action, onAction, alert = false }: NoticeProps) {
  return (
    <div
      role={alert ? 'alert' : undefined}
      className="flex flex-col items-start gap-3 px-4.5 py-3 text-[0.8125rem] leading-5 text-muted-foreground"
    >
      <p className="[overflow-wrap:anywhere]">{text}</p>
      {action !== undefined && (
        <Button variant="outline" size="sm" onClick={onAction}>
          {action}
        </Button>
      )}
    </div>
  )
}
