/** Entry of a reader thread: a read-only connection, so that an archive query delays neither the event loop nor a commit. */
import { openReader } from './connection.js'
import { failure } from './errors.js'
import type { Query, ThreadData } from './protocol.js'
import { answer, prepareQueries } from './queries.js'
import { type Service, serve } from './serve.js'

function open({ path }: ThreadData): Service<Query> {
  const db = openReader(path)
  const queries = prepareQueries(db)
  return {
    answer: (requests) =>
      requests.map((query) => {
        try {
          return { value: answer(queries, query) }
        } catch (error) {
          return { failure: failure(error, path) }
        }
      }),
    close: () => {
      db.close()
    },
  }
}

serve(open)
