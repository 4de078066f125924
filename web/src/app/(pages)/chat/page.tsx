import { Suspense } from 'react'

import { ChatPlaceholder } from '@/components/ChatPlaceholder'
import { ChatScreen } from '@/components/ChatScreen'

export default function ChatPage() {
  return (
    <Suspense fallback={<ChatPlaceholder />}>
      <ChatScreen />
    </Suspense>
  )
}
