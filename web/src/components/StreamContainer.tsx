'use client'

import { useCallback, useEffect, useRef, useState } from 'react'
import { domAnimation, LazyMotion, MotionConfig } from 'motion/react'
import { Virtualizer } from 'virtua'

import { useStickToBottom } from '@/hooks/useStickToBottom'
import { chat, useActiveRun, useOlder, useThreadKeys, useThreadPath } from '@/stores/chat.store'

import { Announcer } from './chat/Announcer'
import { AutoRetry } from './chat/AutoRetry'
import { JumpToLatest } from './chat/JumpToLatest'
import { OlderMessages, OLDER_HEIGHT } from './chat/OlderMessages'
import { RunProgress } from './chat/RunProgress'
import { ChatMessage } from './ChatMessage'

/** How near to its start the list asks for older messages, in pixels. */
const ASK_WITHIN = 800

/**
 * True while the change from the path rendered before is only that older messages came in front:
 * then the list keeps its place seen from the end.
 */
function usePrepended(path: readonly string[]): boolean {
  const [seen, setSeen] = useState({ path, prepended: false })
  if (seen.path === path) return seen.prepended
  const prepended =
    path.length > seen.path.length && seen.path.length > 0 && path.at(-1) === seen.path.at(-1)
  setSeen({ path, prepended })
  return prepended
}

/**
 * The messages of a thread. Only those near the view are mounted, so ten thousand cost as much as
 * ten; it stays at the newest while the person is there, and stays put while they read elsewhere.
 */
export function StreamContainer({ thread }: { thread: string }) {
  const path = useThreadPath(thread)
  const keys = useThreadKeys(thread)
  const older = useOlder(thread)
  const run = useActiveRun(thread)
  const available = older.kind === 'available'
  const prepended = usePrepended(path)
  const { scrollRef, contentRef, pinned, jump } = useStickToBottom()
  const scroller = useRef<HTMLDivElement | null>(null)
  const last = path.at(-1)
  const jumpState = pinned ? 'hidden' : run === undefined ? 'shown' : 'writing'

  // Whoever sends wants to see the answer, wherever the list stood.
  const sending = run?.phase === 'sending' ? run.key : undefined
  useEffect(() => {
    if (sending !== undefined) jump()
  }, [sending, jump])

  const setScroller = useCallback(
    (element: HTMLDivElement | null) => {
      scroller.current = element
      scrollRef(element)
    },
    [scrollRef],
  )

  const askForOlder = useCallback(
    (offset: number) => {
      if (available && offset < ASK_WITHIN) void chat.loadOlder(thread)
    },
    [available, thread],
  )

  // A first page may be shorter than the view: then nothing can be scrolled to ask for more.
  useEffect(() => {
    if (!available) return
    const frame = requestAnimationFrame(() => {
      const box = scroller.current
      if (box !== null && box.scrollHeight <= box.clientHeight) void chat.loadOlder(thread)
    })
    return () => {
      cancelAnimationFrame(frame)
    }
  }, [available, path, thread])

  return (
    <MotionConfig reducedMotion="user">
      <LazyMotion features={domAnimation} strict>
        <div className="relative min-h-0 flex-1">
          <div
            ref={setScroller}
            role="log"
            aria-label="Messages"
            // Each token would be read out; `Announcer` speaks once an answer is finished.
            aria-live="off"
            aria-busy={run !== undefined}
            tabIndex={0}
            data-stream={run?.phase ?? 'idle'}
            data-pinned={pinned}
            className="h-full scrollbar-thin overflow-x-hidden overflow-y-auto overscroll-contain focus-visible:outline-offset-[-2px]"
          >
            <div ref={contentRef} className="pb-6">
              <OlderMessages older={older} onRetry={() => void chat.loadOlder(thread)} />
              <Virtualizer
                scrollRef={scroller}
                startMargin={OLDER_HEIGHT}
                shift={prepended}
                bufferSize={600}
                onScroll={askForOlder}
              >
                {path.map((id, index) => (
                  <ChatMessage key={keys[index] ?? id} id={id} thread={thread} last={id === last} />
                ))}
              </Virtualizer>
              {run !== undefined && <RunProgress run={run} />}
            </div>
          </div>
          <JumpToLatest state={jumpState} onJump={jump} />
          {last !== undefined && <AutoRetry id={last} />}
          <Announcer thread={thread} />
        </div>
      </LazyMotion>
    </MotionConfig>
  )
}
