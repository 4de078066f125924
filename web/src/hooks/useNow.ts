import { useEffect, useState } from 'react'

/** The person's clock in milliseconds since the epoch, moving on every `everyMs` while it is `running`. */
export function useNow(running: boolean, everyMs = 1_000): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!running) return
    const timer = setInterval(() => {
      setNow(Date.now())
    }, everyMs)
    return () => {
      clearInterval(timer)
    }
  }, [everyMs, running])
  return now
}
