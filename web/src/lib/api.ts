import type { Conversation } from '@/types/chat'
import type { ConversationPage, MessagePage, ModelList, UpdateConversation } from '@/types/api'

import { type Fetch, request, requestJson, withQuery } from './fetcher'

/** What a REST call depends on; a test passes its own `fetch`. All calls throw as `request` does. */
export interface ApiDeps {
  readonly fetch: Fetch
  readonly signal?: AbortSignal
}

/** A page of conversations, newest activity first. */
export function listConversations(
  query: { cursor?: string; limit?: number; q?: string },
  deps: ApiDeps,
): Promise<ConversationPage> {
  return requestJson(withQuery('/api/conversations', query), (v) => v.zConversationPage, deps)
}

/** One conversation. */
export function getConversation(id: string, deps: ApiDeps): Promise<Conversation> {
  return requestJson(`/api/conversations/${id}`, (v) => v.zConversation, deps)
}

/** A conversation with the given changes made, even when the page goes away meanwhile. */
export function updateConversation(
  id: string,
  change: UpdateConversation,
  deps: ApiDeps,
): Promise<Conversation> {
  return requestJson(`/api/conversations/${id}`, (v) => v.zConversation, {
    ...deps,
    method: 'PATCH',
    keepalive: true,
    body: { schema: (v) => v.zUpdateConversation, value: change },
  })
}

/** Deletes a conversation; with `keepalive` even while the page goes away. */
export async function deleteConversation(
  id: string,
  deps: ApiDeps & { keepalive?: boolean },
): Promise<void> {
  await request(`/api/conversations/${id}`, { ...deps, method: 'DELETE' })
}

/** A page of a conversation's messages, newest first. */
export function listMessages(
  query: { conversationId: string; cursor?: string; limit?: number },
  deps: ApiDeps,
): Promise<MessagePage> {
  return requestJson(withQuery('/api/messages', query), (v) => v.zMessagePage, deps)
}

/** Every model that can, or could, answer. */
export function listModels(deps: ApiDeps): Promise<ModelList> {
  return requestJson('/api/models', (v) => v.zModelList, deps)
}
