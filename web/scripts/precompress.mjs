/**
 * Copies the export (out/) to dist/, which the Rust server embeds, with a Brotli and a gzip copy beside every file
 * that shrinks by it. The same input gives the same bytes.
 */
import { cp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const source = path('../out')
const dist = path('../dist')
/** Filled first and then put in place, so that a build of the server meanwhile finds a whole app. */
const target = path('../dist.new')

const COMPRESSIBLE = new Set([
  '.css',
  '.html',
  '.ico',
  '.js',
  '.json',
  '.map',
  '.mjs',
  '.svg',
  '.txt',
  '.webmanifest',
  '.xml',
])
const MIN_BYTES = 1024

const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)

await rm(target, { recursive: true, force: true })
await cp(source, target, { recursive: true })

const files = (await readdir(target, { recursive: true }))
  .filter((name) => COMPRESSIBLE.has(extname(name)))
  .sort()
const totals = { files: 0, plain: 0, br: 0, gz: 0 }

async function compress(name) {
  const file = join(target, name)
  if ((await stat(file)).size <= MIN_BYTES) return
  const plain = await readFile(file)
  const [br, gz] = await Promise.all([
    brotli(plain, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
      },
    }),
    deflate(plain, { level: 9 }),
  ])
  if (br.length < plain.length) await writeFile(`${file}.br`, br)
  if (gz.length < plain.length) await writeFile(`${file}.gz`, gz)
  totals.files += 1
  totals.plain += plain.length
  totals.br += br.length
  totals.gz += gz.length
}

async function work() {
  for (let name = files.shift(); name !== undefined; name = files.shift()) await compress(name)
}
await Promise.all(Array.from({ length: availableParallelism() }, work))
await rm(dist, { recursive: true, force: true })
await rename(target, dist)

const kb = (bytes) => `${(bytes / 1024).toFixed(0)} KB`
console.log(
  `dist: ${totals.files} files compressed, ${kb(totals.plain)} -> br ${kb(totals.br)}, gzip ${kb(totals.gz)}`,
)
