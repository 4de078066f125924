import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals'

import { systemClock } from '@/lib/clock'
import { isSwitchedOff, refusesTracking, startTelemetry } from '@/lib/metrics'
import { browserStorage } from '@/lib/storage'
import { pageVisibility } from '@/lib/visibility'

let started = false

/** Begins to tell the server how its pages do, once for the life of the page, unless the browser asks not to be tracked. */
export function tellTelemetry(): void {
  if (started || refusesTracking(navigator)) return
  started = true
  startTelemetry({
    clock: systemClock,
    visibility: pageVisibility,
    send: (body) =>
      navigator.sendBeacon('/api/telemetry', new Blob([body], { type: 'application/json' })),
    page: () => window.location.pathname,
    allowed: () => !isSwitchedOff(browserStorage),
    observe: (onVital) => {
      for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB])
        on(({ name, value }) => {
          onVital(name, value)
        })
    },
  })
}
