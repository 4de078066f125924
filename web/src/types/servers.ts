/** The words of MCP servers, as the contract generates them. */
export type {
  CreateMcpServer,
  McpLogLine,
  McpServer,
  McpServerList,
  McpServerLog,
  McpSignIn,
  McpSignInStarted,
  McpTransport,
  UpdateMcpServer,
} from './generated/types.gen'
