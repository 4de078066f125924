/** The words of a chat, as the contract generates them. */
export type {
  Approval,
  ChatMessage,
  Conversation,
  Done,
  Failure as RunError,
  FinishReason,
  MessageStatus,
  Role,
  StreamChunk,
  Token,
  ToolCall,
  ToolCallStatus,
  ToolStatus,
  Usage,
} from './generated/types.gen'

import type { ChatMessage, StreamChunk, ToolCall } from './generated/types.gen'

/** One event of a run's log, with its number. Numbers start at 1 and have no gaps. */
export type RunEvent = StreamChunk & { readonly seq: number }

/** A call as it is shown: while it runs, also how far it has come (0 to 1) and what it does just now. */
export interface LiveCall extends ToolCall {
  readonly progress?: number
  readonly note?: string
}

/** A message whose calls may be running. */
export interface LiveMessage extends ChatMessage {
  toolCalls?: LiveCall[]
}
