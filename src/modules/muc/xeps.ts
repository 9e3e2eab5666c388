/** What rooms and their service implement; where a room's feature is a file of its own, as that declares it. */
import { archiveFeatures } from '../../room/archive.js'
import { avatar } from '../../room/features/avatar.js'
import { hats } from '../../room/features/hats.js'
import { moderation } from '../../room/features/moderation.js'
import { retraction } from '../../room/features/retraction.js'
import { registerForm, registerNamespace } from '../../room/registration.js'
import { voiceForm } from '../../room/voice.js'
import { commandsNamespace } from '../../xmpp/ad-hoc.js'
import { ns } from '../../xmpp/namespaces.js'
import type { Xep } from '../../xmpp/xep.js'

const muc = 'http://jabber.org/protocol/muc'
const [archive, extended, fullText] = archiveFeatures

/** XEP-0045 §15.3: what the configuration of a room comes to. */
const roomTypes = [
  'muc_public',
  'muc_hidden',
  'muc_membersonly',
  'muc_open',
  'muc_moderated',
  'muc_unmoderated',
  'muc_nonanonymous',
  'muc_semianonymous',
  'muc_unsecured',
  'muc_passwordprotected',
  'muc_persistent',
  'muc_temporary',
]

export const roomXeps: readonly Xep[] = [
  {
    number: 45,
    version: '1.35.5',
    test: 'dialogue/muc.test.ts',
    features: [ns.muc, `${muc}#stable_id`, ns.mucRoomConfig, ns.mucRoomInfo, voiceForm, registerForm, ...roomTypes],
  },
  { number: 281, version: '0.2', test: 'conformance/dmuc/message.test.ts', features: [ns.dmuc, ns.dmucSync] },
  {
    number: 50,
    version: '1.3.0',
    test: 'dialogue/muc.test.ts',
    features: [commandsNamespace],
  },
  {
    number: 77,
    version: '2.4',
    test: 'dialogue/muc-registration-distributed.test.ts',
    features: [registerNamespace],
  },
  { number: 313, version: '1.1.3', test: 'dialogue/muc-archive.test.ts', features: [archive, extended] },
  { number: 359, version: '0.7.0', test: 'dialogue/muc.test.ts', features: [ns.stanzaId] },
  { number: 410, version: '1.1.0', test: 'dialogue/muc.test.ts', features: [`${muc}#self-ping-optimization`] },
  { number: 421, version: '1.0.1', test: 'dialogue/muc.test.ts', features: [ns.occupantId] },
  { number: 431, version: '0.2.0', test: 'dialogue/muc-archive-search.test.ts', features: [fullText] },
  ...[retraction, moderation, hats, avatar].map(({ xep, disco }) => ({ ...xep, features: disco })),
]
