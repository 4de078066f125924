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
const source = await readFile(schemas, 'utf8')
await writeFile(schemas, source.replaceAll('z.optional(', 'z.exactOptional('))
