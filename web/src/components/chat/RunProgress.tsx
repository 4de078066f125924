'use client'

import { LoaderCircle, WifiOff } from 'lucide-react'
import type { ReactNode } from 'react'

import { useCountdown } from '@/hooks/useCountdown'
import type { ActiveRun } from '@/stores/chat.store'

import { Thinking } from './Thinking'

/** What the answer being made is doing, where its next words will stand. Nothing while it writes. */
export function RunProgress({ run }: { run: ActiveRun }) {
  if (run.stopping)
    return (
      <Row>
        <Note icon={<Spinner />}>Stopping…</Note>
      </Row>
    )
  switch (run.phase) {
    case 'sending':
      return (
        <Row>
          <Thinking label="Sending…" />
        </Row>
      )
    case 'reading':
      return run.messageId === undefined ? (
        <Row>
          <Thinking label="Reading…" />
        </Row>
      ) : null
    case 'waiting':
    case 'offline':
      return (
        <Row>
          <Note icon={<WifiOff aria-hidden="true" className="size-4" />}>
            {run.runId === undefined
              ? 'Offline. Your message goes out when you are back.'
              : 'Offline. The answer goes on at the server.'}
          </Note>
        </Row>
      )
    case 'reconnecting':
      return (
        <Row>
          <Reconnecting retryAt={run.retryAt} />
        </Row>
      )
    case 'writing':
      return null
  }
}

function Row({ children }: { children: ReactNode }) {
  return <div className="column pt-3">{children}</div>
}

function Note({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <p className="flex min-h-7 items-center gap-2 text-sm text-muted-foreground">
      {icon}
      {children}
    </p>
  )
}

function Spinner() {
  return <LoaderCircle aria-hidden="true" className="size-4 animate-spin" />
}

function Reconnecting({ retryAt }: { retryAt: number | undefined }) {
  const seconds = useCountdown(retryAt)
  return (
    <Note icon={<Spinner />}>
      Connection lost. {seconds > 0 ? `Trying again in ${seconds} s` : 'Reconnecting…'}
    </Note>
  )
}
