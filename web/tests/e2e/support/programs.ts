import { join } from 'node:path'

/** Where `cargo xtask test` puts the programs of others, if it has. */
export function programs(): string | undefined {
  return process.env['WEIR_TEST_PROGRAMS']
}

/** How the reference MCP server `everything` is started. It is not ours. */
export function everything(): { type: 'stdio'; command: string; args: string[] } {
  const server = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'
  return { type: 'stdio', command: process.execPath, args: [join(programs() ?? '', server)] }
}
