/** Every command of `dmucctl`, in the order in which its help shows them. */
import type { AdminCommand } from '../command.js'
import { addUser, deleteUser, listUsers, passwd } from './accounts.js'
import { invite } from './invite.js'
import { loginLink } from './login-link.js'
import { peerCommands } from './peers.js'
import { roomCommands } from './rooms/index.js'
import { s2sCommands } from './s2s/index.js'
import { status } from './status.js'

export const commands: readonly AdminCommand[] = [
  addUser,
  passwd,
  deleteUser,
  listUsers,
  invite,
  ...roomCommands,
  ...peerCommands,
  ...s2sCommands,
  status,
  loginLink,
]
