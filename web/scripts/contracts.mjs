/**
 * Writes src/types/generated/ (TypeScript types and Zod schemas) from openapi.json, which the Rust side writes.
 * The same input gives the same bytes; nobody edits the output.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { createClient } from '@hey-api/openapi-ts'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const output = path('../src/types/generated')

await rm(output, { recursive: true, force: true })
await createClient({
  input: path('../openapi.json'),
  output: { path: output, entryFile: false },
  plugins: [
    '@hey-api/typescript',
    {
      name: 'zod',
      compatibilityVersion: 'mini',
      requests: false,
      responses: false,
      webhooks: false,
    },
  ],
  logs: { level: 'error', file: false },
})

// JSON has no `undefined`: a field is there or it is not. With this the type that a schema parses to is exactly the
// generated type, also under `exactOptionalPropertyTypes`.
const schemas = `${output}/zod.gen.ts`
const source = (await readFile(schemas, 'utf8')).replaceAll('z.optional(', 'z.exactOptional(')

// The frames of the WebSocket get a module of their own: its part of the page's script comes later than the others.
const [head, ...declarations] = source.trimEnd().split(/\n\n(?=\/\*\*)/)
const isOfFrames = (declaration) =>
  /^export const z(ClientFrame|ServerFrame|InboxChange|SessionId|PingId)/m.test(declaration)
const frames = declarations.filter(isOfFrames).join('\n\n')
const others = declarations.filter((declaration) => !isOfFrames(declaration)).join('\n\n')
const shared = [...others.matchAll(/^export const (\w+)/gm)]
  .map(([, name]) => name)
  .filter((name) => new RegExp(`\\b${name}\\b`).test(frames))
  .sort()
await writeFile(schemas, `${head}\n\n${others}\n`)
await writeFile(
  `${output}/frames.gen.ts`,
  `${head}\n\nimport {\n${shared.map((name) => `    ${name},\n`).join('')}} from './zod.gen';\n\n${frames}\n`,
)
