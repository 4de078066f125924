import { ChatPlaceholder } from '@/components/ChatPlaceholder'
import { ChatScreen } from '@/components/ChatScreen'
import { ServedPage } from '@/components/layout/ServedPage'

export default function ChatPage() {
  return (
    <ServedPage placeholder={<ChatPlaceholder />}>
      <ChatScreen />
    </ServedPage>
  )
}
