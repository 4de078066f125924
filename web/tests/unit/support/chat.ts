import { createDraftStorage } from '@/lib/draft-storage'
import type { ScheduleFrame } from '@/lib/frames'
import { type ThreadMessage, createChat } from '@/stores/chat.store'

import { FakeServer } from './server'
import { ManualClock, ManualNetwork, memoryStorage, settle } from './values'

/** A chat over a fake server, with time, network, frames and the tab's storage in a test's hands. */
export function testChat(options: { server?: FakeServer; storage?: Record<string, string> } = {}) {
  const server = options.server ?? new FakeServer()
  const clock = new ManualClock()
  const network = new ManualNetwork()
  const storage = memoryStorage(options.storage)
  const activity: string[] = []
  const frames: (() => void)[] = []
  const schedule: ScheduleFrame = (action) => {
    frames.push(action)
  }
  let made = 0
  const { actions, store } = createChat({
    fetch: server.fetch,
    clock,
    random: () => 0.5,
    connectivity: network,
    schedule,
    drafts: createDraftStorage(storage, memoryStorage()),
    newId: () => `${(made += 1)}`,
    onActivity: (conversationId) => activity.push(conversationId),
  })

  return {
    server,
    clock,
    network,
    storage,
    activity,
    store,
    chat: actions,
    /** Lets everything that is ready happen, and one frame be drawn. */
    frame: async () => {
      await settle()
      for (const action of frames.splice(0)) action()
      await settle()
    },
    thread: (key: string) => {
      const thread = store.getState().threads[key]
      if (!thread) throw new Error(`no thread ${key}`)
      return thread
    },
    /** The messages of the shown branch. */
    shown: (key: string): ThreadMessage[] => {
      const { messages, threads } = store.getState()
      return (threads[key]?.path ?? []).flatMap((id) => messages[id] ?? [])
    },
  }
}

export type TestChat = ReturnType<typeof testChat>

/** What a person would read of a thread. */
export function transcript(test: TestChat, key: string): string[] {
  return test.shown(key).map((message) => `${message.role} ${message.status}: ${message.content}`)
}
