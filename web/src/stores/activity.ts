/** The word that something in a conversation has changed, told to this tab and to the browser's other tabs. */
export type ActivityListener = (conversationId: string, origin: 'this-tab' | 'other-tab') => void

const CHANNEL = 'weir.activity'
const listeners = new Set<ActivityListener>()
let channel: BroadcastChannel | undefined

/** Tells this tab and the others that a conversation has changed. */
export function announceActivity(conversationId: string): void {
  open()?.postMessage(conversationId)
  for (const listener of listeners) listener(conversationId, 'this-tab')
}

/** Calls `listener` on every change, until the returned function is called. */
export function onActivity(listener: ActivityListener): () => void {
  open()
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    channel?.close()
    channel = undefined
  }
}

function open(): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined
  if (channel) return channel
  channel = new BroadcastChannel(CHANNEL)
  channel.onmessage = ({ data }) => {
    if (typeof data !== 'string') return
    for (const listener of listeners) listener(data, 'other-tab')
  }
  return channel
}
