'use client'

import { Hand } from 'lucide-react'
import type { ComponentProps } from 'react'

import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import { useOpened } from '@/hooks/useOpened'
import { usePendingApprovals, useQuestions } from '@/stores/approvals.store'

const useApprovalsPanel = onDemand(async () => (await import('./ApprovalsPanel')).default)

function wordsOf(count: number): string {
  return count === 1 ? '1 tool waits for your word' : `${count} tools wait for your word`
}

/** How many calls wait for the person's word, and the way to them. Nothing is there while none does. */
export function ApprovalsButton() {
  const count = usePendingApprovals().length + useQuestions().length
  const [opened, opener] = useOpened('dialog')
  const drawPanel = useApprovalsPanel(opened)
  return (
    <>
      <span role="status" className="sr-only">
        {count > 0 && wordsOf(count)}
      </span>
      {opened && drawPanel !== undefined
        ? drawPanel({ button: <Waiting count={count} />, count })
        : count > 0 && <Waiting count={count} {...opener} />}
    </>
  )
}

function Waiting({ count, ...props }: { count: number } & ComponentProps<typeof Button>) {
  return (
    <Button
      variant="ghost"
      size="sm"
      aria-label={wordsOf(count)}
      title={wordsOf(count)}
      data-approvals={count}
      className="gap-1.5 bg-warning-surface px-2.5 text-warning tabular-nums hover:bg-warning-surface hover:text-warning hover:ring-1 hover:ring-warning/40"
      {...props}
    >
      <Hand aria-hidden="true" />
      {count}
    </Button>
  )
}
