'use client'

import { Pencil } from 'lucide-react'
import * as m from 'motion/react-m'
import { useState } from 'react'

import { Button } from '@/components/ui/button'
import { cn } from '@/lib/utils'
import type { ThreadMessage } from '@/stores/chat.store'

import { CopyButton } from '../CopyButton'
import { BranchSwitcher } from './BranchSwitcher'
import { EditMessage } from './EditMessage'
import { FailedDelivery } from './FailedDelivery'

const DELIVERY: Partial<Record<ThreadMessage['delivery'], string>> = {
  waiting: 'Waiting for the network',
}

const ON_DEMAND =
  'size-7 opacity-0 group-focus-within/message:opacity-100 group-hover/message:opacity-100 pointer-coarse:opacity-100'

interface UserMessageProps {
  message: ThreadMessage
  thread: string
}

/** What the person said, and the ways to copy it, to say it otherwise, and to what was said otherwise. */
export function UserMessage({ message, thread }: UserMessageProps) {
  const { id, content, delivery } = message
  const [mode, setMode] = useState<'shown' | 'edited'>('shown')
  const note = DELIVERY[delivery]
  return (
    <article
      aria-label="Your message"
      data-message-id={id}
      data-role="user"
      data-status={message.status}
      data-delivery={delivery}
      className="group/message column flex flex-col items-end pt-5 pb-1"
    >
      {mode === 'edited' ? (
        <EditMessage
          message={message}
          thread={thread}
          onClose={() => {
            setMode('shown')
          }}
        />
      ) : (
        <m.div
          // Only what was just sent comes in; what is loaded or scrolled to simply stands there.
          initial={delivery === 'sending' ? { opacity: 0.4, y: 10 } : false}
          animate={{ opacity: 1, y: 0 }}
          transition={{ duration: 0.2, ease: 'easeOut' }}
          className={cn(
            'max-w-[85%] rounded-3xl rounded-br-lg bg-secondary px-4.5 py-2.5 text-[0.9375rem] leading-6 [overflow-wrap:anywhere] whitespace-pre-wrap text-secondary-foreground sm:max-w-[75%]',
            delivery === 'failed' && 'ring-1 ring-destructive/40',
          )}
        >
          {content}
        </m.div>
      )}
      {delivery === 'failed' ? (
        <FailedDelivery message={message} />
      ) : (
        <div className="flex h-7 items-center gap-1">
          {note !== undefined && <span className="text-xs text-muted-foreground">{note}</span>}
          <BranchSwitcher id={id} />
          {mode === 'shown' && (
            <>
              {delivery === 'stored' && (
                <Button
                  variant="ghost"
                  size="icon-sm"
                  aria-label="Edit message"
                  title="Edit"
                  data-edit-message={id}
                  className={ON_DEMAND}
                  onClick={() => {
                    setMode('edited')
                  }}
                >
                  <Pencil aria-hidden="true" className="size-3.5" />
                </Button>
              )}
              <CopyButton text={() => content} label="Copy message" className={ON_DEMAND} />
            </>
          )}
        </div>
      )}
    </article>
  )
}
