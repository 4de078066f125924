'use client'

import { useCallback, useEffect } from 'react'

import { useCurrentThread, useNavigateThread } from '@/hooks/useCurrentThread'
import { useLiveData } from '@/hooks/useLiveData'
import { useThreadTitle } from '@/hooks/useThreadTitle'
import { useWebSocket } from '@/hooks/useWebSocket'
import { chat } from '@/stores/chat.store'
import { useModels, useSelectedModel } from '@/stores/models.store'

import { ConnectionBanner } from './chat/ConnectionBanner'
import { NoModel } from './chat/NoModel'
import { ThreadView } from './chat/ThreadView'
import { Welcome } from './chat/Welcome'
import { ChatComposer } from './ChatComposer'
import { focusComposer } from './composer-id'
import { AppShell } from './layout/AppShell'
import { Header } from './layout/Header'
import { Overlays } from './layout/Overlays'
import { reportNews } from './toasts'

/** The whole of /chat. */
export function ChatScreen() {
  useLiveData()
  const thread = useCurrentThread()
  const { toThread, toNew, replaceThread } = useNavigateThread()
  const { load } = useModels()
  const selected = useSelectedModel()
  const model = selected?.id
  const state = load.kind === 'ready' && selected?.available !== true ? 'no-model' : 'ready'
  const title = useThreadTitle(thread)

  useEffect(() => {
    document.title = title === undefined || title === '' ? 'Weir' : `${title} · Weir`
  }, [title])

  useEffect(focusComposer, [thread])

  const send = useCallback(
    (text: string) => {
      // A refusal stands at the message itself, with its text and the way on.
      void chat.send({
        thread,
        text,
        onConversation: replaceThread,
        ...(model !== undefined && { model }),
      })
      focusComposer()
    },
    [thread, model, replaceThread],
  )

  const startNew = useCallback(() => {
    toNew()
    focusComposer()
  }, [toNew])

  useWebSocket(() => {
    startNew()
    reportNews('The conversation was deleted in another tab or on another device.')
  })

  return (
    <AppShell
      thread={thread}
      onOpen={toThread}
      onNew={startNew}
      header={<Header thread={thread} onNew={startNew} />}
    >
      <ConnectionBanner thread={thread} />
      <ThreadView
        thread={thread}
        onNew={startNew}
        empty={state === 'no-model' ? <NoModel /> : <Welcome onSend={send} />}
      />
      <ChatComposer thread={thread} state={state} onSend={send} />
      <Overlays
        thread={thread}
        onOpen={toThread}
        onNew={startNew}
        onFocusComposer={focusComposer}
      />
    </AppShell>
  )
}
