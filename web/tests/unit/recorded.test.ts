import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'

import * as frames from '@/types/generated/frames.gen'
import * as generated from '@/types/generated/zod.gen'

const FOLDER = join(import.meta.dirname, '../fixtures/recorded')

const zRecord = z.strictObject({ schema: z.string(), body: z.unknown() })
const schemas = new Map<string, z.core.$ZodType>(Object.entries({ ...generated, ...frames }))
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))

describe('what the real server answered', () => {
  it('is there, for each kind of payload that the page reads', () => {
    const recorded = new Set(files.map((name) => read(name).schema))
    expect([...recorded]).toEqual(
      expect.arrayContaining([
        'zConversation',
        'zConversationPage',
        'zMessagePage',
        'zModelList',
        'zProblem',
        'zStreamChunk',
      ]),
    )
  })

  it.each(files)('%s fits its schema, with nothing left over', (name) => {
    const { body, schema } = read(name)
    const known = schemas.get(schema)
    if (!known) throw new Error(`${name} names ${schema}, which the contract does not generate`)
    // A field that the schema does not know is dropped by parsing, so it shows as a difference.
    expect(z.parse(known, body)).toEqual(body)
  })
})

function read(name: string) {
  return z.parse(zRecord, JSON.parse(readFileSync(join(FOLDER, name), 'utf8')))
}
