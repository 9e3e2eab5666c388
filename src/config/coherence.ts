/** What each option alone cannot show: options that contradict one another. */
import type { HostType } from '../server/module.js'
import { parseBareJid } from './address.js'
import type { Check } from './check.js'
import type { Config } from './config.js'
import { portOptions } from './ports.js'

/** Linux' limit for the path of a Unix socket is 107 bytes, macOS' 103. */
const socketPathBytes = 103

export function checkCoherence(config: Config, check: Check): void {
  checkSocketPath(config, check)
  checkDomains(config, check)
  checkPorts(config, check)
  checkPeers(config, check)
  checkProofs(config, check)
  checkFirstStart(config, check)
  checkRegistration(config, check)
  checkComponents(config, check)
}

function checkSocketPath({ global }: Config, check: Check): void {
  const bytes = Buffer.byteLength(global.admin_socket)
  if (bytes > socketPathBytes)
    check.report(
      ['admin_socket'],
      `the path of the admin socket, ${global.admin_socket}, has ${bytes} bytes and may have ${socketPathBytes}; choose another data_path or admin_socket`,
    )
}

function checkDomains({ hosts }: Config, check: Check): void {
  for (const [index, host] of hosts.entries())
    if (hosts.findIndex((other) => other.domain === host.domain) < index)
      check.report(
        ['component', host.domain],
        `${host.domain} is a virtual host already; give the component another domain`,
      )
}

function checkPorts({ global }: Config, check: Check): void {
  const seen = new Map<number, string>()
  for (const option of portOptions)
    global[option].forEach((port, index) => {
      const earlier = seen.get(port)
      if (port !== 0 && earlier !== undefined)
        check.report([option, index], `${option} has port ${port}, which ${earlier} has already`)
      seen.set(port, option)
    })
}

function checkPeers({ hosts, dmuc }: Config, check: Check): void {
  dmuc.allow.forEach((peer, index) => {
    if (hosts.some((host) => host.domain === peer))
      check.report(['dmuc', 'allow', index], `dmuc.allow names ${peer}, which is this server itself`)
  })
  for (const option of ['redirect', 'users', 'auth'] as const)
    for (const [key, value] of Object.entries(dmuc[option])) {
      const peer = option === 'redirect' ? value : key
      if (!dmuc.allow.includes(peer))
        check.report(['dmuc', option, key], `dmuc.${option} names ${peer}, which is not in dmuc.allow`)
    }
}

/** Of two lists that say the opposite of one domain, one would be obeyed silently. */
function checkProofs({ global }: Config, check: Check): void {
  const { s2s_auth: proofs, s2s_secure_domains: secure, s2s_insecure_domains: insecure } = global
  for (const [domain, proof] of Object.entries(proofs)) {
    const list = proof === 'dialback' ? secure : insecure
    if (list.includes(domain)) {
      const name = proof === 'dialback' ? 's2s_secure_domains' : 's2s_insecure_domains'
      check.report(['s2s_auth', domain], `s2s_auth wants "${proof}" of ${domain}, which is also in ${name}`)
    }
  }
  global.s2s_deny.forEach((domain, index) => {
    if (global.s2s_allow.includes(domain))
      check.report(['s2s_deny', index], `s2s_deny names ${domain}, which is also in s2s_allow`)
  })
}

function checkFirstStart({ hosts, firstStart }: Config, check: Check): void {
  if (firstStart === undefined) return
  const isHost = (domain: string | undefined, type: HostType) =>
    hosts.some((host) => host.type === type && host.domain === domain)
  firstStart.accounts.forEach((jid, index) => {
    const domain = parseBareJid(jid)?.domain
    if (!isHost(domain, 'user'))
      check.report(['first_start', 'accounts', index], `there is no [virtual_host."${domain}"] for the account ${jid}`)
  })
  const service = parseBareJid(firstStart.room)?.domain
  if (firstStart.room !== '' && !isHost(service, 'muc'))
    check.report(['first_start', 'room'], `there is no [component."${service}"] for the room ${firstStart.room}`)
}

/** An option that nothing obeys must not look as if it were obeyed. */
function checkRegistration({ hosts }: Config, check: Check): void {
  const deaf = hosts.find(
    ({ type, options, modules }) =>
      type === 'user' &&
      options.allow_registration &&
      !modules.some((module) => 'allow_registration' in (module.options ?? {})),
  )
  if (deaf !== undefined)
    check.report(
      ['virtual_host', deaf.domain, 'allow_registration'],
      `allow_registration cannot be true on ${deaf.domain}: no module for it is loaded; make accounts with dmucctl adduser`,
    )
}

/** A secret that is missing, or that two components share, would let one pass for the other. */
function checkComponents({ hosts }: Config, check: Check): void {
  const seen = new Map<unknown, string>()
  for (const { domain, moduleOptions } of hosts.filter(({ type }) => type === 'external')) {
    const secret = moduleOptions.component?.component_secret
    const path = ['component', domain, 'component_secret']
    if (secret === '' || secret === undefined)
      check.report(path, `${domain} needs a component_secret: a long random text that its program is told, too`)
    else if (seen.has(secret))
      check.report(path, `${domain} has the component_secret of ${seen.get(secret)}; give each component its own`)
    else seen.set(secret, domain)
  }
}
