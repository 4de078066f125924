import type { Follower } from '@/lib/ws.types'
import type { InboxChange } from '@/types/session'

import type { ApprovalsActions } from './approvals.store'
import type { ChatActions } from './chat.store'
import type { ConversationsActions } from './conversations.store'

/** Who wants to know what has changed among the conversations. */
export interface InboxDeps {
  readonly approvals: Pick<ApprovalsActions, 'hear' | 'load'>
  readonly chat: Pick<ChatActions, 'dismiss' | 'hear' | 'refresh'>
  readonly conversations: Pick<ConversationsActions, 'hear' | 'refresh'>
  /** The conversation on the screen, if there is one. */
  readonly shown: () => string | undefined
  /** The conversation on the screen is gone, by another tab's or another device's doing. */
  readonly onGone: () => void
}

/** Follows the person's conversations: all their tabs and devices show the same. */
export function inboxFollower(deps: InboxDeps): Follower {
  const { approvals, chat, conversations, onGone, shown } = deps

  const take = (change: InboxChange) => {
    switch (change.type) {
      case 'created':
      case 'updated':
        conversations.hear(change)
        hearRun(change.conversation.id, change.conversation.activeRunId)
        return
      case 'answered':
        conversations.hear(change)
        hearRun(change.conversation.id, change.runId)
        return
      case 'deleted': {
        const isShown = shown() === change.conversationId
        // Its thread first: a page that still shows it would ask for the title that the list has no more.
        chat.dismiss(change.conversationId, isShown ? 'shown' : 'elsewhere')
        conversations.hear(change)
        if (isShown) onGone()
        return
      }
      case 'approval_requested':
      case 'approval_settled':
      case 'question_asked':
      case 'question_settled':
        approvals.hear(change)
        return
    }
  }

  /** A conversation that is not on the screen is brought up to date when it comes there. */
  const hearRun = (conversationId: string, runId: string | undefined) => {
    if (runId !== undefined && shown() === conversationId) void chat.hear(conversationId, runId)
  }

  return {
    topic: 'inbox',
    onFrame: (frame) => {
      if (frame.type === 'inbox') take(frame.change)
    },
    onStanding: () => {
      void approvals.load()
      void conversations.refresh()
      const thread = shown()
      if (thread !== undefined) void chat.refresh(thread)
    },
  }
}
