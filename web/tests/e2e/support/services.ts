import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The servers that `cargo xtask test` starts, and `cargo xtask services` for tests that are run by hand. */
export interface Services {
  /** A database of PostgreSQL, for its superuser. */
  readonly adminUrl: string
  /** The same, for the role that the server under test has. */
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly psql: string
  readonly nginx: string
}

/** The servers, if they are there. */
export function services(): Services | undefined {
  const adminUrl = process.env['WEIR_TEST_DATABASE_ADMIN_URL']
  const databaseUrl = process.env['WEIR_TEST_DATABASE_URL']
  const redisUrl = process.env['WEIR_TEST_REDIS_URL']
  const psql = process.env['WEIR_TEST_PSQL']
  const nginx = process.env['WEIR_TEST_NGINX']
  if (
    adminUrl === undefined ||
    databaseUrl === undefined ||
    redisUrl === undefined ||
    psql === undefined ||
    nginx === undefined
  ) {
    return undefined
  }
  return { adminUrl, databaseUrl, redisUrl, psql, nginx }
}

/** An empty PostgreSQL database of its own for one test. */
export class Database {
  /** For the role that owns it, which is no superuser. */
  readonly url: string
  readonly #name: string
  readonly #services: Services

  private constructor(name: string, services: Services) {
    const url = new URL(services.databaseUrl)
    url.pathname = `/${name}`
    this.url = url.href
    this.#name = name
    this.#services = services
  }

  static async create(services: Services): Promise<Database> {
    const database = new Database(`weir_e2e_${randomUUID().replaceAll('-', '')}`, services)
    const owner = new URL(services.databaseUrl).username
    await database.#administer(`create database ${database.#name} owner ${owner}`)
    return database
  }

  /** Deletes it, also under connections of servers that were killed. */
  async drop(): Promise<void> {
    await this.#administer(`drop database ${this.#name} with (force)`)
  }

  async #administer(statement: string): Promise<void> {
    const { psql, adminUrl } = this.#services
    await run(psql, [adminUrl, '--no-psqlrc', '--quiet', '--command', statement])
  }
}
