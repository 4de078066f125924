import type { Job, ToolInfo } from '@/types/tools'

import { id } from './values'

/** A tool as the server describes it. */
export function tool(name: string, fields: Partial<ToolInfo> = {}): ToolInfo {
  return {
    name,
    title: name,
    description: `What ${name} does.`,
    inputSchema: { type: 'object', properties: { seconds: { type: 'number' } } },
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    source: 'builtin',
    permission: 'allow',
    ...fields,
  }
}

/** The n-th job. */
export function job(n: number, fields: Partial<Job> = {}): Job {
  return {
    id: id(n),
    name: 'wait',
    args: { seconds: 30 },
    status: 'running',
    caller: 'person',
    createdAt: '2026-01-31T12:00:00.000Z',
    startedAt: '2026-01-31T12:00:00.000Z',
    ...fields,
  }
}
