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

import type { StreamChunk } from './generated/types.gen'

/** One event of a run's log, with its number. Numbers start at 1 and have no gaps. */
export type RunEvent = StreamChunk & { readonly seq: number }
