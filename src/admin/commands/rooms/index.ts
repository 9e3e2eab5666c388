/** `dmucctl room …`. */
import type { AdminCommand } from '../../command.js'
import { roomAffiliation, roomConfig, roomCreate, roomDestroy, roomKick, roomPurge } from './change.js'
import { roomDistribute, roomFollow, roomPromote, roomRestore, roomUndistribute } from './distribution.js'
import { roomExport } from './export.js'
import { roomDigest, roomList, roomPeers, roomShow } from './look.js'
import { roomVerify } from './verify.js'

export const roomCommands: readonly AdminCommand[] = [
  roomList,
  roomShow,
  roomCreate,
  roomConfig,
  roomAffiliation,
  roomKick,
  roomDestroy,
  roomPurge,
  roomExport,
  roomPeers,
  roomDigest,
  roomVerify,
  roomDistribute,
  roomUndistribute,
  roomPromote,
  roomFollow,
  roomRestore,
]
