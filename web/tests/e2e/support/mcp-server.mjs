/** The smallest MCP server over stdio (2025-11-25): one tool, which greets. What it is given it tells on stderr. */
import { createInterface } from 'node:readline'

const { GREETING } = process.env
const words = process.argv.slice(2).join(' ')
console.error(`started with ${words || 'nothing'}; GREETING is ${GREETING ? 'set' : 'not set'}`)

const TOOL = {
  name: 'greet',
  title: 'Greet',
  description: 'Greets somebody.',
  inputSchema: { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] },
  annotations: { readOnlyHint: true },
}

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'greeter', version: '1.0.0' },
  }),
  'tools/list': () => ({ tools: [TOOL] }),
  'tools/call': ({ arguments: { who } }) => ({
    content: [{ type: 'text', text: `${GREETING}, ${who}` }],
  }),
  ping: () => ({}),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) continue
  const answer = answers[method]
  const body = answer
    ? { result: answer(params ?? {}) }
    : { error: { code: -32601, message: `There is no ${method}.` } }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...body })}\n`)
}
