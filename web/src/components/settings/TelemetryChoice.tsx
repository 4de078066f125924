'use client'

import { useId, useState } from 'react'

import { useHydrated } from '@/hooks/useHydrated'
import { isSwitchedOff, refusesTracking, switchTelemetry } from '@/lib/metrics'
import { browserStorage } from '@/lib/storage'

/** Whether this browser tells the server how fast its pages are and where they fail. */
export function TelemetryChoice() {
  const id = useId()
  // What this browser keeps is not known where the page is rendered first.
  const hydrated = useHydrated()
  const [chosen, setChosen] = useState<boolean>()
  const refused = hydrated && refusesTracking(navigator)
  const on = hydrated && !refused && (chosen ?? !isSwitchedOff(browserStorage))
  return (
    <div className="flex items-start gap-3">
      <input
        id={id}
        type="checkbox"
        className="mt-0.5 size-4 accent-primary"
        checked={on}
        disabled={!hydrated || refused}
        aria-describedby={`${id}-about`}
        onChange={(event) => {
          switchTelemetry(browserStorage, event.target.checked)
          setChosen(event.target.checked)
        }}
      />
      <div className="flex flex-col gap-1">
        <label htmlFor={id} className="text-sm font-medium">
          Tell this server how its pages do
        </label>
        <p
          id={`${id}-about`}
          className="text-[0.8125rem] leading-5 text-pretty text-muted-foreground"
        >
          {refused
            ? 'This browser asks not to be tracked, so nothing is told.'
            : 'How fast pages are and the kinds of errors in them, never what you write. It goes to this server only.'}
        </p>
      </div>
    </div>
  )
}
