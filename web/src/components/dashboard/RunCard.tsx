'use client'

import Link from 'next/link'

import { threadPath } from '@/hooks/useCurrentThread'
import { useRunPreview } from '@/hooks/useRunPreview'
import { useThreadTitle } from '@/hooks/useThreadTitle'
import { inOne, show } from '@/lib/figures'
import { useRunningFor, useRunningRun } from '@/stores/metrics.store'
import type { RunningRun } from '@/types/metrics'

import { duration } from './words'

/** One answer that is being written. */
export function RunCard({ id }: { id: string }) {
  const run = useRunningRun(id)
  if (!run) return null
  return (
    <li className="flex min-w-0 flex-col gap-2 rounded-xl border bg-card p-3">
      {run.own && run.conversationId !== undefined ? (
        <OwnRun id={id} conversationId={run.conversationId} />
      ) : (
        <p className="flex min-h-0 flex-1 flex-col">
          <span className="truncate text-[0.8125rem] font-medium">
            {run.own ? 'Yours' : (run.person ?? 'Somebody else')}
          </span>
          <span className="mt-auto text-2xl font-semibold tracking-tight tabular-nums">
            {show(run.tokensPerSecond, 'perSecond').digits}
            <span className="ml-1.5 text-xs font-normal tracking-normal text-muted-foreground">
              tokens/s
            </span>
          </span>
        </p>
      )}
      <Pace run={run} />
    </li>
  )
}

function OwnRun({ conversationId, id }: { conversationId: string; id: string }) {
  const title = useThreadTitle(conversationId)
  const { tail, tool } = useRunPreview(id, conversationId)
  return (
    <>
      <Link
        href={threadPath(conversationId)}
        prefetch={false}
        className="truncate rounded-sm text-[0.8125rem] font-medium hover:underline"
      >
        {title === undefined || title === '' ? 'Your conversation' : title}
      </Link>
      {/* Its end is what is new: it stands at the bottom, and what is older leaves above. */}
      <div
        className="flex min-h-0 flex-1 flex-col justify-end overflow-hidden [mask-image:linear-gradient(to_bottom,transparent,black_1.75rem)]"
        data-preview=""
      >
        <p className="text-xs leading-5 wrap-break-word whitespace-pre-wrap text-muted-foreground">
          {tail === '' ? 'Reading…' : tail}
        </p>
      </div>
      {tool !== undefined && <p className="truncate text-xs text-primary">Calls {tool}…</p>}
    </>
  )
}

/** How fast it comes, and for how long already. */
function Pace({ run }: { run: RunningRun }) {
  const since = useRunningFor(run.startedAt)
  return (
    <p className="flex shrink-0 justify-between gap-2 border-t pt-2 text-xs text-muted-foreground tabular-nums">
      <span className="truncate">{run.model}</span>
      <span className="shrink-0">
        {inOne(run.tokens, 'count')} tokens
        {run.own && `, ${inOne(run.tokensPerSecond, 'perSecond')}`}
        {since !== undefined && ` · ${duration(since)}`}
      </span>
    </p>
  )
}
