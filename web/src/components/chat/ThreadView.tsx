'use client'

import { FileQuestion } from 'lucide-react'
import { useState, type ReactNode } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import {
  chat,
  chatStore,
  NEW_THREAD,
  useThreadKey,
  useThreadLoad,
  useThreadPath,
} from '@/stores/chat.store'

import { MessageListSkeleton } from '../Skeleton'

// The message list with markdown in it is half of the page's script, and an empty page shows no message.
const useStreamContainer = onDemand(
  async () => (await import('../StreamContainer')).StreamContainer,
)

interface ThreadViewProps {
  thread: string
  /** What stands in place of the messages while there are none. */
  empty: ReactNode
  onNew: () => void
}

/** A list of its own for each thread, but the same one when the new thread becomes a conversation. */
function useListKey(thread: string): string {
  const key = useThreadKey(thread)
  const [seen, setSeen] = useState({ key, list: key })
  if (seen.key === key) return seen.list
  const becameConversation = seen.key === NEW_THREAD && chatStore.getState().newThread === key
  const list = becameConversation ? seen.list : key
  setSeen({ key, list })
  return list
}

/** The messages of a thread, or why there are none. */
export function ThreadView({ thread, empty, onNew }: ThreadViewProps) {
  const load = useThreadLoad(thread)
  const begun = useThreadPath(thread).length > 0
  const listKey = useListKey(thread)
  const drawList = useStreamContainer(begun || thread !== NEW_THREAD)

  if (begun) {
    return drawList === undefined ? <Loading /> : drawList({ thread, key: listKey })
  }
  switch (load.kind) {
    case 'idle':
      return thread === NEW_THREAD ? <Scroll>{empty}</Scroll> : <Loading />
    case 'loading':
      return <Loading />
    case 'ready':
      return <Scroll>{empty}</Scroll>
    case 'missing':
      return (
        <State
          title="This conversation does not exist"
          text="It was deleted, or it belongs to somebody else."
          action={<Button onClick={onNew}>New chat</Button>}
        />
      )
    case 'failed':
      return (
        <State
          title="The conversation could not be loaded"
          text={load.failure.message}
          action={<Button onClick={() => void chat.open(thread)}>Try again</Button>}
        />
      )
  }
}

function Loading() {
  return (
    <div className="min-h-0 flex-1 overflow-hidden">
      <MessageListSkeleton />
    </div>
  )
}

/** Lets what is higher than a small screen be scrolled. */
function Scroll({ children }: { children: ReactNode }) {
  return (
    <div className="flex min-h-0 flex-1 scrollbar-thin flex-col overflow-y-auto" tabIndex={-1}>
      {children}
    </div>
  )
}

interface StateProps {
  title: string
  text: string
  action: ReactNode
}

function State({ title, text, action }: StateProps) {
  return (
    <div role="alert" className="column my-auto flex flex-col items-center gap-2 py-8 text-center">
      <FileQuestion
        aria-hidden="true"
        strokeWidth={1.5}
        className="mb-2 size-9 text-muted-foreground"
      />
      <h2 className="text-lg font-semibold tracking-tight">{title}</h2>
      <p className="mb-4 max-w-sm text-sm leading-6 text-muted-foreground">{text}</p>
      {action}
    </div>
  )
}
