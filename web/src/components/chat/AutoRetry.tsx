'use client'

import { useEffect } from 'react'

import { chat, useMessage, type ThreadMessage } from '@/stores/chat.store'

/** Beyond this many tries the server is not only busy; a person decides. */
const TRIES = 5

const tries = new Map<string, number>()

/** Whether a failed message is going to be sent again by itself, once its time has come. */
export function retriesItself({ key, failure }: ThreadMessage): boolean {
  return failure?.retryAt !== undefined && (tries.get(key) ?? 0) < TRIES
}

/**
 * Sends a message again at the time that a busy server (429, 503) has named. Stands beside the list,
 * because a message that is scrolled out of view has no component.
 */
export function AutoRetry({ id }: { id: string }) {
  const message = useMessage(id)
  const key = message?.key
  const retryAt = message?.delivery === 'failed' ? message.failure?.retryAt : undefined

  useEffect(() => {
    if (key === undefined || retryAt === undefined) return
    const tried = tries.get(key) ?? 0
    if (tried >= TRIES) return
    const timer = setTimeout(
      () => {
        tries.set(key, tried + 1)
        void chat.retry(id)
      },
      Math.max(0, retryAt - Date.now()),
    )
    return () => {
      clearTimeout(timer)
    }
  }, [id, key, retryAt])

  return null
}
