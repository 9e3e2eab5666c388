/** What a room is and a service allows unless the operator says otherwise. */
import type { RoomPolicy } from './contract.js'
import { historyLimit } from './history.js'
import type { RoomConfig } from './types.js'

export const defaultConfig: RoomConfig = {
  name: '',
  description: '',
  language: '',
  persistent: false,
  public: true,
  moderated: false,
  membersOnly: false,
  password: '',
  whois: 'moderators',
  changeSubject: false,
  allowInvites: false,
  allowPrivateMessages: 'anyone',
  allowModeratorMessages: false,
  allowVisitorStatus: true,
  allowVisitorNicks: true,
  allowVoiceRequests: true,
  voiceRequestInterval: 60,
  allowQueries: true,
  publicList: false,
  maxUsers: 0,
  presenceBroadcast: ['moderator', 'participant', 'visitor'],
  getMemberList: ['moderator', 'participant', 'visitor'],
  archive: true,
  archiveDays: 0,
  historyLength: 20,
  hats: [],
  distributed: false,
  peers: [],
}

export const defaultPolicy: RoomPolicy = {
  defaults: defaultConfig,
  lockNewRooms: true,
  maxMessageLength: 64 * 1024,
  maxSubjectLength: 1000,
  maxNickLength: 100,
  maxCardLength: 64 * 1024,
  maxPresenceLength: 8 * 1024,
  maxUsers: 0,
  maxHistoryLength: historyLimit,
  maxSessionsPerNick: 10,
  maxRegister: 10_000,
  registration: 'open',
  lockNicks: false,
}
