import { useCallback, useEffect, useRef, useState } from 'react'

/** Closer to the end than this, in pixels, counts as being there. */
const NEAR_PX = 48

export interface StickToBottom {
  /** For the element that scrolls. */
  readonly scrollRef: (element: HTMLElement | null) => void
  /** For the element inside, whose growth is followed. */
  readonly contentRef: (element: HTMLElement | null) => void
  /** The end is in sight and stays so while the content grows. */
  readonly pinned: boolean
  /** Goes to the end and stays there. */
  readonly jump: () => void
}

/** Keeps the end of growing content in sight, until the person scrolls up. */
export function useStickToBottom(): StickToBottom {
  const scroller = useRef<HTMLElement | null>(null)
  const pinnedNow = useRef(true)
  const [pinned, setPinned] = useState(true)
  const [scrollElement, scrollRef] = useState<HTMLElement | null>(null)
  const [contentElement, contentRef] = useState<HTMLElement | null>(null)

  const jump = useCallback(() => {
    pinnedNow.current = true
    setPinned(true)
    toEnd(scroller.current)
  }, [])

  useEffect(() => {
    scroller.current = scrollElement
    if (!scrollElement) return
    let before = scrollElement.scrollTop
    const onScroll = () => {
      const { clientHeight, scrollHeight, scrollTop } = scrollElement
      const near = scrollHeight - scrollTop - clientHeight <= NEAR_PX
      // Only a move upwards is the person's: growth alone moves the end away and must not let go of it.
      const letsGo = scrollTop < before && !near
      before = scrollTop
      if (near || letsGo) {
        pinnedNow.current = near
        setPinned(near)
      }
    }
    scrollElement.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      scrollElement.removeEventListener('scroll', onScroll)
    }
  }, [scrollElement])

  useEffect(() => {
    if (!scrollElement || !contentElement) return
    const observer = new ResizeObserver(() => {
      if (pinnedNow.current) toEnd(scrollElement)
    })
    observer.observe(contentElement)
    observer.observe(scrollElement)
    return () => {
      observer.disconnect()
    }
  }, [scrollElement, contentElement])

  return { scrollRef, contentRef, pinned, jump }
}

function toEnd(element: HTMLElement | null): void {
  if (element) element.scrollTop = element.scrollHeight
}
