/**
 * ejabberd, where it is installed: modules and limits like dmucd's, archives of rooms in SQLite. What has to be lifted: its
 * shapers, the backlog of 5, `max_users`; schedulers that spin would count as CPU (`+sbwt none`).
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, put, startProcess, temporaryDirectory } from './process.mjs'

const program = ['/usr/sbin/ejabberdctl', '/usr/local/sbin/ejabberdctl'].find(existsSync)

const libraries = '/usr/lib/x86_64-linux-gnu'
/** The driver is a package of its own (erlang-p1-sqlite3); without it the archive is in Mnesia. */
const sqlite = program !== undefined && readdirSync(libraries).some((name) => name.startsWith('sqlite3-'))

const configuration = ({ directory, port }) => `
loglevel: warning
hosts: ["localhost"]
certfiles: ["${directory}/certificate.pem"]
listen:
  - { port: ${port}, ip: "127.0.0.1", module: ejabberd_c2s, backlog: 4096, shaper: none, starttls: true, max_stanza_size: 262144 }
auth_method: [internal]
auth_password_format: scram
${sqlite ? `sql_type: sqlite\nsql_database: "${directory}/archive.db"` : ''}

modules:
  mod_disco: {}
  mod_roster: {}
  mod_ping: {}
  mod_carboncopy: {}
  mod_offline: {}
  mod_private: {}
  mod_time: {}
  mod_vcard: {}
  mod_version: {}
  mod_mam: { db_type: ${sqlite ? 'sql' : 'mnesia'}, default: always }
  mod_muc:
    host: "conference.localhost"
    history_size: 20
    max_users: 10000
    min_message_interval: 0
    user_message_shaper: none
    room_shaper: none
    default_room_options: { mam: true, max_users: 10000 }
`

/** One account as ejabberd makes it, the others as copies of its record, so that its keys are derived once. */
const makeAccounts = (users, ready) => `
spawn(fun() ->
  Wait = fun F() -> case lists:keymember(ejabberd, 1, application:which_applications()) of true -> ok; _ -> timer:sleep(50), F() end end,
  Wait(),
  ok = ejabberd_auth:try_register(<<"u0">>, <<"localhost">>, <<"p">>),
  [Record] = mnesia:dirty_read(passwd, {<<"u0">>, <<"localhost">>}),
  [mnesia:dirty_write(setelement(2, Record, {iolist_to_binary(["u", integer_to_list(N)]), <<"localhost">>})) || N <- lists:seq(1, ${users - 1})],
  file:write_file("${ready}", "")
end).`

export const ejabberd = {
  name: 'ejabberd',
  isPeer: true,
  /** Undefined where it is not installed. */
  version() {
    if (program === undefined) return undefined
    const { stdout } = spawnSync('dpkg-query', ['--status', 'ejabberd'], { encoding: 'utf8' })
    return `${/^Version: (.+)$/m.exec(stdout ?? '')?.[1] ?? 'unknown'}, archive in ${sqlite ? 'SQLite' : 'Mnesia'}`
  },
  async start({ certificate, key, users }) {
    const directory = temporaryDirectory()
    const port = await freePort()
    const config = join(directory, 'ejabberd.yml')
    const ready = join(directory, 'ready')
    put(config, configuration({ directory, port }))
    put(join(directory, 'certificate.pem'), `${readFileSync(certificate, 'utf8')}\n${readFileSync(key, 'utf8')}`)
    mkdirSync(join(directory, 'mnesia'))
    const env = {
      EJABBERD_CONFIG_PATH: config,
      EJABBERD_LOG_PATH: join(directory, 'ejabberd.log'),
      ERL_LIBS: libraries,
      ERL_CRASH_DUMP_BYTES: '0',
      HOME: directory,
    }
    const vm = ['-noinput', '+K', 'true', '+P', '250000', '+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none']
    const start = ['-mnesia', 'dir', `"${directory}/mnesia"`, '-s', 'ejabberd', '-eval', makeAccounts(users, ready)]
    const options = { command: 'erl', args: [...vm, ...start], directory, port, env, ready: () => existsSync(ready) }
    return startProcess(options)
  },
}
