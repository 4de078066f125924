import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** The configuration that the documentation recommends is the one that is tested. */
const RECOMMENDED = join(import.meta.dirname, '../../../../docs/nginx.conf')
/** The response header by which a test sees which server was asked. */
export const SERVED_BY = 'x-served-by'
/** How long nginx may take to listen, and how often that is looked at, in milliseconds. */
const READY_MS = 10_000
const POLL_MS = 20

/** An nginx in front of servers, which gives each request to the next one of them. */
export class Nginx {
  readonly url: string
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url
    this.#child = child
    this.#folder = folder
  }

  /** Starts it before the servers with these addresses, such as `127.0.0.1:3001`. */
  static async start(program: string, servers: readonly [string, string]): Promise<Nginx> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-nginx-'))
    const address = `127.0.0.1:${await freePort()}`
    const site = await adapted(servers, address)
    await writeFile(join(folder, 'weir.conf'), site)
    await writeFile(join(folder, 'nginx.conf'), aroundSite(folder))
    const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const nginx = new Nginx(`http://${address}`, child, folder)
    try {
      await nginx.#listening()
    } catch (error) {
      await nginx.stop()
      throw error
    }
    return nginx
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM')
      await once(this.#child, 'exit')
    }
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #listening(): Promise<void> {
    for (const start = performance.now(); performance.now() - start < READY_MS;) {
      if (this.#child.exitCode !== null) throw new Error('nginx ended at its start')
      if (await accepts(new URL(this.url))) return
      await pause(POLL_MS)
    }
    throw new Error(`nginx does not listen within ${READY_MS} ms`)
  }
}

async function accepts({ hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The recommended site with the addresses of a test. */
async function adapted(servers: readonly [string, string], address: string): Promise<string> {
  const changes = [
    ['server 127.0.0.1:3001', `server ${servers[0]}`],
    ['server 127.0.0.1:3002', `server ${servers[1]}`],
    ['listen 127.0.0.1:8080', `listen ${address}`],
  ] as const
  let site = await readFile(RECOMMENDED, 'utf8')
  for (const [from, to] of changes) {
    if (!site.includes(from)) throw new Error(`docs/nginx.conf has no “${from}”`)
    site = site.replace(from, to)
  }
  return site
}

/** What stands around a site: one process, which ends with its signal, and everything it writes in the test's folder. */
function aroundSite(folder: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/${name};\n`)
    .join('')
  return (
    `daemon off;\nmaster_process off;\npid ${folder}/pid;\nerror_log ${folder}/error.log;\n` +
    `events {}\nhttp {\n${places}  access_log off;\n` +
    `  add_header ${SERVED_BY} $upstream_addr always;\n  include ${folder}/weir.conf;\n}\n`
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
