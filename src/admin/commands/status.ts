/** What the running server says of itself. */
import type { AdminCommand } from '../command.js'

export const status: AdminCommand = {
  name: 'status',
  summary: 'say what the running server listens on and how many are connected',
  arguments: [],
  examples: ['dmucctl status', 'dmucctl status --json'],
  needs: 'server',
  async run(operator) {
    const { server } = operator
    if (server === undefined) return { text: 'dmucd is not running', data: { running: false } }
    const uptimeS = Math.max(0, Math.round((operator.now() - server.startedAt) / 1000))
    const data = {
      running: true,
      version: server.version,
      pid: server.pid,
      uptimeS,
      sessions: server.sessions(),
      remotes: server.remotes(),
      pendingWrites: operator.store.pending,
      hosts: operator.hosts,
      listening: server.listening,
    }
    const lines = [
      `dmucd ${data.version} has been running for ${duration(uptimeS)} (process ${data.pid})`,
      `hosts      ${operator.hosts.map(({ domain, type }) => (type === 'user' ? domain : `${domain} (${type})`)).join(', ')}`,
      `listening  ${server.listening.join(', ')}`,
      `sessions   ${data.sessions}`,
      `servers    ${data.remotes}`,
    ]
    return { text: lines.join('\n'), data }
  },
}

function duration(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ]
  if (days > 0) return `${days} d ${hours} h`
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}
