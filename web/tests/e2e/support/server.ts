import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** How long the server may take to be ready, and to stop, in milliseconds. */
const READY_MS = 15_000
const STOP_MS = 8_000
/** How often it is looked whether it has printed something, in milliseconds. */
const POLL_MS = 20

/** The settings of the server under test, by the names of their environment variables. */
export type Settings = Readonly<Record<string, string>>

/** The binary under test. */
export function binary(): string {
  const path = process.env['WEIR_BINARY']
  if (path === undefined || !existsSync(path)) {
    throw new Error(
      'WEIR_BINARY must name the built server; `cargo xtask test --only e2e` builds it and sets that.',
    )
  }
  return path
}

/** Where `weir model pull` puts the model, if it has been run. */
export function pulledModel(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const path = join(cache, 'weir', 'models', 'SmolLM2-135M-Instruct.Q4_1.gguf')
  return existsSync(path) ? path : undefined
}

/** A server of its own for one test, with an empty folder for its data. It can be killed and started again. */
export class WeirServer {
  /** What it wrote to stderr. */
  log = ''
  /** What it wrote to stdout, line by line. */
  #lines: string[] = []
  readonly #settings: Settings
  readonly #folder: string
  #address = '127.0.0.1:0'
  #child: ChildProcess | undefined

  private constructor(settings: Settings, folder: string) {
    this.#settings = settings
    this.#folder = folder
  }

  static async start(settings: Settings): Promise<WeirServer> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-e2e-'))
    const server = new WeirServer(settings, folder)
    try {
      await server.start()
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  /** Where it listens, such as `127.0.0.1:3000`. */
  get address(): string {
    return this.#address
  }

  get url(): string {
    return `http://${this.#address}`
  }

  /** Starts it, on the port that it had before. */
  async start(): Promise<void> {
    // Nothing of the machine's own settings: the same on every machine.
    const inherited = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'TMPDIR', 'LD_LIBRARY_PATH']
    const child = spawn(binary(), [], {
      cwd: this.#folder,
      env: {
        ...Object.fromEntries(
          inherited.flatMap((name) => {
            const value = process.env[name]
            return value === undefined ? [] : [[name, value]]
          }),
        ),
        NODE_ENV: 'test',
        WEIR_ADDR: this.#address,
        WEIR_DATA_DIR: join(this.#folder, 'data'),
        WEIR_LOG: 'warn',
        WEIR_SHUTDOWN_GRACE: '0s',
        ...this.#settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.log += text
    })
    const line = await this.#firstLine(child)
    const address = /^Weir is ready: http:\/\/(\S+)$/.exec(line)?.[1]
    if (address === undefined) throw new Error(`The server did not start: ${line}\n${this.log}`)
    this.#address = address
  }

  /** The link that it printed for the first administrator, as a path of this server. */
  async setupLink(): Promise<string> {
    for (const start = performance.now(); performance.now() - start < READY_MS;) {
      const link = this.#lines.map((line) => /\/setup#\S+$/.exec(line)?.[0]).find(Boolean)
      if (link !== undefined) return link
      await pause(POLL_MS)
    }
    throw new Error(`The server printed no link within ${READY_MS} ms.`)
  }

  /** Ends it as a power cut would: no word to anybody. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Asks it to stop, without waiting for it. */
  terminate(): void {
    this.#child?.kill('SIGTERM')
  }

  /** Resolves when the process has ended, to the signal that ended it, if one did. */
  async whenEnded(): Promise<NodeJS.Signals | null> {
    const child = this.#child
    if (!child) return null
    this.#child = undefined
    if (child.exitCode !== null || child.signalCode !== null) return child.signalCode
    const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return signal
  }

  /** Asks it to stop, and deletes its data. A server that does not stop by itself is a failure. */
  async stop(): Promise<void> {
    const stopped = await this.#end('SIGTERM')
    await rm(this.#folder, { recursive: true, force: true })
    if (!stopped) throw new Error(`The server did not stop within ${STOP_MS} ms.\n${this.log}`)
    if (this.log.includes('panicked')) throw new Error(`The server panicked.\n${this.log}`)
  }

  /** Sends a signal; false if the process had to be killed because it did not heed it. */
  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
    const child = this.#child
    child?.kill(signal)
    const timer = setTimeout(() => child?.kill('SIGKILL'), STOP_MS)
    const ended = await this.whenEnded()
    clearTimeout(timer)
    return signal === 'SIGKILL' || ended !== 'SIGKILL'
  }

  async #firstLine(child: ChildProcess): Promise<string> {
    if (child.stdout === null) return 'it has no output'
    const lines = createInterface({ input: child.stdout })
    this.#lines = []
    lines.on('line', (line) => this.#lines.push(line))
    return Promise.race([
      once(lines, 'line').then(([line]) => String(line)),
      once(child, 'exit').then(([code]) => `it ended with code ${String(code)}`),
      new Promise<string>((resolve) => {
        setTimeout(() => {
          resolve(`nothing within ${READY_MS} ms`)
        }, READY_MS).unref()
      }),
    ])
  }
}
