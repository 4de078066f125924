import { usePathname, useSearchParams } from 'next/navigation'
import { useEffect, useEffectEvent } from 'react'

const PARAMETER = 'wall'

/**
 * Whether the page is shown alone, for a screen on a wall, and the way to change that. The address says so too, so that
 * a reload, or a screen that opens nothing else, comes back to it. Needs `<Suspense>` around it in an exported page.
 */
export function useWall(): readonly [wall: boolean, toggle: () => void] {
  const wall = useSearchParams().has(PARAMETER)
  const path = usePathname()

  const set = (on: boolean) => {
    window.history.replaceState(null, '', on ? `${path}?${PARAMETER}` : path)
    // Where there is no full screen to be had, the page is alone in its window.
    if (!on) {
      if (document.fullscreenElement) document.exitFullscreen().catch(() => undefined)
    } else if (document.fullscreenEnabled)
      document.documentElement.requestFullscreen().catch(() => undefined)
  }

  // The browser's own key leaves the full screen without asking the page.
  const onFullscreen = useEffectEvent(() => {
    if (wall && !document.fullscreenElement) set(false)
  })
  useEffect(() => {
    const listener = () => {
      onFullscreen()
    }
    document.addEventListener('fullscreenchange', listener)
    return () => {
      document.removeEventListener('fullscreenchange', listener)
    }
  }, [])

  return [
    wall,
    () => {
      set(!wall)
    },
  ]
}
