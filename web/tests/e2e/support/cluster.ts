import type { APIResponse, Response } from '@playwright/test'

import { Nginx, SERVED_BY } from './nginx'
import { type Settings, WeirServer } from './server'
import { Database, type Services } from './services'

/** Two servers that share a PostgreSQL database and Redis, behind an nginx that takes turns between them. */
export class Cluster {
  readonly servers: readonly [WeirServer, WeirServer]
  readonly #nginx: Nginx
  readonly #database: Database

  private constructor(
    servers: readonly [WeirServer, WeirServer],
    nginx: Nginx,
    database: Database,
  ) {
    this.servers = servers
    this.#nginx = nginx
    this.#database = database
  }

  static async start(services: Services, settings: Settings): Promise<Cluster> {
    const database = await Database.create(services)
    const shared = { ...settings, DATABASE_URL: database.url, REDIS_URL: services.redisUrl }
    const started: WeirServer[] = []
    try {
      const first = await WeirServer.start(shared)
      started.push(first)
      const second = await WeirServer.start(shared)
      started.push(second)
      const nginx = await Nginx.start(services.nginx, [first.address, second.address])
      return new Cluster([first, second], nginx, database)
    } catch (error) {
      await Promise.allSettled(started.map((server) => server.stop()))
      await database.drop()
      throw error
    }
  }

  /** Where the browser goes. */
  get url(): string {
    return this.#nginx.url
  }

  /** The server that gave an answer; nginx names those that it asked before as well. */
  servedBy(response: Response | APIResponse): WeirServer {
    const asked = response.headers()[SERVED_BY]?.split(', ').at(-1)
    const server = this.servers.find(({ address }) => address === asked)
    if (!server) throw new Error(`“${String(asked)}” is none of the servers`)
    return server
  }

  /** The one beside this one. */
  other(server: WeirServer): WeirServer {
    const [first, second] = this.servers
    return server === first ? second : first
  }

  /** What the servers wrote to stderr. */
  get log(): string {
    return this.servers.map(({ address, log }) => `${address}\n${log}`).join('\n')
  }

  async stop(): Promise<void> {
    await this.#nginx.stop()
    const results = await Promise.allSettled(this.servers.map((server) => server.stop()))
    await this.#database.drop()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }
}
