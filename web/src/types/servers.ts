/** The words of MCP servers, as the contract generates them. */
export type {
  CreateMcpServer,
  McpLogLine,
  McpServer,
  McpServerList,
  McpServerLog,
  McpTransport,
  UpdateMcpServer,
} from './generated/types.gen'
