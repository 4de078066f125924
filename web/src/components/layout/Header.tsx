'use client'

import { SquarePen } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { useThreadTitle } from '@/hooks/useThreadTitle'
import { NEW_THREAD } from '@/stores/chat.store'
import { useSidebar } from '@/stores/ui.store'

import { ApprovalsButton } from './ApprovalsButton'
import { HistoryButtons } from './HistoryButtons'
import { ModelPicker } from './ModelPicker'
import { MoreMenu } from './MoreMenu'

interface HeaderProps {
  thread: string
  onNew: () => void
}

/** The conversation's title, what answers in it, and the way to everything else. */
export function Header({ thread, onNew }: HeaderProps) {
  const sidebar = useSidebar()
  const title = useThreadTitle(thread)
  return (
    <header className="flex [height:calc(var(--header-height)+env(safe-area-inset-top))] h-(--header-height) shrink-0 items-center gap-1 border-b px-2 pt-[env(safe-area-inset-top)] sm:px-3">
      <HistoryButtons />
      {sidebar === 'collapsed' && <NewChatButton className="max-lg:hidden" onNew={onNew} />}
      <h1 className="min-w-0 flex-1 truncate px-1.5 text-sm font-medium" data-conversation-title="">
        {title === '' || thread === NEW_THREAD ? 'New chat' : (title ?? 'Conversation')}
      </h1>
      <ApprovalsButton />
      <ModelPicker />
      <NewChatButton className="lg:hidden" onNew={onNew} />
      <MoreMenu />
    </header>
  )
}

function NewChatButton({ className, onNew }: { className: string; onNew: () => void }) {
  return (
    <Button variant="ghost" size="icon" className={className} aria-label="New chat" onClick={onNew}>
      <SquarePen aria-hidden="true" className="size-4.5" />
    </Button>
  )
}
