import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** The line between the browser and the server, which a test can cut: open connections break, and new ones fail. */
export class Line {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #state: 'whole' | 'cut' = 'whole'

  private constructor(server: Server) {
    this.#server = server
  }

  static async to(target: string): Promise<Line> {
    const { hostname, port } = new URL(target)
    const server = createServer()
    const line = new Line(server)
    server.on('connection', (near) => {
      if (line.#state === 'cut') {
        near.destroy()
        return
      }
      const far = connect(Number(port), hostname)
      near.pipe(far).pipe(near)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        line.#sockets.add(socket)
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          line.#sockets.delete(socket)
          other.destroy()
        })
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return line
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cut(): void {
    this.#state = 'cut'
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#state = 'whole'
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
