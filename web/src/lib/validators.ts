import * as z from 'zod/mini'

// The page's content security policy forbids `eval`; without this Zod probes for it, and the browser reports that.
z.config({ jitless: true })

export { type Schema, parse, parseJson } from './parse'
/** No paint needs to read a refusal either. */
export { toApiError } from './problem'

/** The number of an event: from 1. */
export const zEventNumber = z.int().check(z.gte(1))

/** An id as the server makes them. */
export const zId = z.uuid()

/** Any JSON value. */
export const zAnything = z.unknown()

export {
  zApiTokenList,
  zApprovalList,
  zAuthState,
  zChangePassword,
  zChatMessage,
  zConversation,
  zConversationPage,
  zCreateAccount,
  zCreateApiToken,
  zCreatedApiToken,
  zCreatedInvite,
  zCreateInvite,
  zCreateMcpServer,
  zAnswerQuestion,
  zCredentials,
  zDecideApproval,
  zDeleteAccount,
  zDeviceList,
  zInviteList,
  zInvokeTool,
  zJob,
  zJobAccepted,
  zJobEvent,
  zJobPage,
  zMcpServer,
  zMcpServerList,
  zMcpServerLog,
  zMcpSignInStarted,
  zMe,
  zMessagePage,
  zMetricsHistory,
  zModelList,
  zPerson,
  zPersonList,
  zProblem,
  zSetPermission,
  zStartRun,
  zStreamChunk,
  zToolInfo,
  zToolList,
  zUpdateConversation,
  zUpdateMcpServer,
  zUpdateMe,
  zUpdatePerson,
} from '@/types/generated/zod.gen'
