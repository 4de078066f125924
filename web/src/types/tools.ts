/** The words of tools and jobs, as the contract generates them. */
export type {
  AnswerQuestion,
  ApprovalList,
  ArgumentRule,
  Caller,
  DecideApproval,
  Decision,
  Job,
  JobAccepted,
  JobPage,
  Match,
  PendingApproval,
  Permission,
  Question,
  SetPermission,
  ToolAnnotations,
  ToolCallStatus,
  ToolInfo,
  ToolList,
  ToolSource,
} from './generated/types.gen'

import type { JobEvent as Told } from './generated/types.gen'

/** One event of a job's log, with its number. Numbers start at 1 and have no gaps. */
export type JobEvent = Told & { readonly seq: number }
