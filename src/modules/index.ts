/** The modules, each of one XEP or of one part of an RFC, in the order in which a host sets them up. */
import type { Module } from '../server/module.js'
import { adHoc } from './ad-hoc.js'
import { anonymous } from './anonymous.js'
import { avatar } from './avatar.js'
import { blocking } from './blocking/index.js'
import { bookmarks } from './bookmarks/index.js'
import { carbons } from './carbons.js'
import { clientState } from './client-state.js'
import { component } from './component.js'
import { contactAddresses } from './contact-addresses.js'
import { disco } from './disco.js'
import { entityCapabilities } from './entity-capabilities.js'
import { externalServices } from './external-services.js'
import { httpFileShare } from './http-file-share/index.js'
import { iqAnswers } from './iq-answers.js'
import { lastActivity } from './last-activity.js'
import { message } from './message.js'
import { muc } from './muc/index.js'
import { offline } from './offline.js'
import { ping } from './ping.js'
import { presence } from './presence/index.js'
import { privateStorage } from './private.js'
import { pubsub } from './pubsub/index.js'
import { push } from './push/index.js'
import { register } from './register/index.js'
import { reporting } from './reporting.js'
import { roster } from './roster/index.js'
import { serviceAdministration } from './service-administration.js'
import { time } from './time.js'
import { userArchive } from './user-archive/index.js'
import { vcard } from './vcard.js'
import { vcard4 } from './vcard4.js'
import { version } from './version.js'

export const modules: readonly Module[] = [
  disco,
  iqAnswers,
  blocking,
  reporting,
  roster,
  presence,
  userArchive,
  carbons,
  clientState,
  message,
  offline,
  ping,
  time,
  vcard,
  version,
  contactAddresses,
  lastActivity,
  httpFileShare,
  push,
  register,
  adHoc,
  serviceAdministration,
  externalServices,
  privateStorage,
  entityCapabilities,
  pubsub,
  bookmarks,
  avatar,
  vcard4,
  muc,
  component,
  anonymous,
]
