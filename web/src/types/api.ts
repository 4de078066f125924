/** What REST requests and responses carry, as the contract generates it. */
export type {
  ConversationPage,
  CreateConversation,
  CreateMessage,
  FieldError,
  MessagePage,
  Model,
  ModelCapabilities,
  ModelList,
  Problem,
  StartRun,
  UpdateConversation,
} from './generated/types.gen'
