import type { Conversation } from '@/types/chat'
import type { ConversationPage, MessagePage, ModelList, UpdateConversation } from '@/types/api'
import type {
  AnswerQuestion,
  ApprovalList,
  DecideApproval,
  Job,
  JobAccepted,
  JobPage,
  SetPermission,
  ToolCallStatus,
  ToolInfo,
  ToolList,
} from '@/types/tools'

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

/** Every tool, by name, with what the person permits it. */
export function listTools(deps: ApiDeps): Promise<ToolList> {
  return requestJson('/api/tools', (v) => v.zToolList, deps)
}

/** Sets whether a tool may run; the tool as it is then. Without `rules` those stay as they are. */
export function setPermission(
  tool: string,
  permission: SetPermission,
  deps: ApiDeps,
): Promise<ToolInfo> {
  return requestJson(`${toolPath(tool)}/permission`, (v) => v.zToolInfo, {
    ...deps,
    method: 'PUT',
    body: { schema: (v) => v.zSetPermission, value: permission },
  })
}

/** Runs a tool. The same key and arguments run it once, however often they are sent. */
export function invokeTool(
  call: { tool: string; args: unknown; key: string },
  deps: ApiDeps,
): Promise<JobAccepted> {
  return requestJson(toolPath(call.tool), (v) => v.zJobAccepted, {
    ...deps,
    method: 'POST',
    idempotencyKey: call.key,
    body: { schema: (v) => v.zInvokeTool, value: { args: call.args } },
  })
}

/** A page of jobs, newest first. */
export function listJobs(
  query: { cursor?: string; limit?: number; status?: ToolCallStatus },
  deps: ApiDeps,
): Promise<JobPage> {
  return requestJson(withQuery('/api/jobs', query), (v) => v.zJobPage, deps)
}

/** One job. */
export function getJob(id: string, deps: ApiDeps): Promise<Job> {
  return requestJson(`/api/jobs/${encodeURIComponent(id)}`, (v) => v.zJob, deps)
}

/** Stops a job, from wherever it was asked for. Safe to repeat. */
export async function cancelJob(id: string, deps: ApiDeps): Promise<void> {
  await request(`/api/jobs/${encodeURIComponent(id)}`, { ...deps, method: 'DELETE' })
}

/** What waits for the person's word, oldest first. */
export function listApprovals(deps: ApiDeps): Promise<ApprovalList> {
  return requestJson('/api/approvals', (v) => v.zApprovalList, deps)
}

/** The person's word on a call that waits for it; the call's job as it is then. */
export function decideApproval(id: string, decision: DecideApproval, deps: ApiDeps): Promise<Job> {
  return requestJson(`/api/tool-calls/${encodeURIComponent(id)}/approval`, (v) => v.zJob, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zDecideApproval, value: decision },
  })
}

/** Answers what a tool asks in the middle of a call. The first answer counts. */
export async function answerQuestion(
  id: string,
  answer: AnswerQuestion,
  deps: ApiDeps,
): Promise<void> {
  await request(`/api/questions/${encodeURIComponent(id)}/answer`, {
    ...deps,
    method: 'POST',
    body: { schema: (v) => v.zAnswerQuestion, value: answer },
  })
}

function toolPath(tool: string): string {
  return `/api/tools/${encodeURIComponent(tool)}`
}
