/** A room of the operator's making, by the operations that its owner's clients would have caused. */
import type { MucService } from '../modules/muc/index.js'

export interface NewRoom {
  /** At the service's domain; prepared. */
  readonly jid: string
  /** The bare JID of the owner. */
  readonly owner: string
  readonly name: string
  readonly subject: string
}

/** Persistent, public, open. Resolves when it is durable; does nothing where the room exists. */
export async function createRoom({ rooms }: Pick<MucService, 'rooms'>, made: NewRoom): Promise<void> {
  const exists = await rooms.with(made.jid, (room) => room !== undefined)
  if (exists) return
  const room = rooms.create(made.jid)
  const { config, configRevision, registerRevision, locked } = room.replica.room
  const nick = made.owner.slice(0, made.owner.indexOf('@'))
  room.perform([
    {
      type: 'config',
      config: { ...config, name: made.name, persistent: true, public: true },
      revision: configRevision + 1,
    },
    { type: 'register', jid: made.owner, entry: { affiliation: 'owner' }, revision: registerRevision + 1 },
    { type: 'subject', nick, occupantId: '', jid: made.owner, text: made.subject },
    ...(locked ? [{ type: 'unlock' } as const] : []),
  ])
  await room.settled()
}
