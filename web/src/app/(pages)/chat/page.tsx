import { ChatPlaceholder } from '@/components/ChatPlaceholder'
import { ChatScreen } from '@/components/ChatScreen'
import { ClientOnly } from '@/components/ClientOnly'

export default function ChatPage() {
  return (
    <ClientOnly fallback={<ChatPlaceholder />}>
      <ChatScreen />
    </ClientOnly>
  )
}
