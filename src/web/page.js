/** Starts Converse.js against the server that served this page, and logs in where the address carries a login link. */
import '/converse/converse.min.js'

// In place of Converse's own footer, which shows pictures from elsewhere.
customElements.define(
  'converse-footer',
  class extends HTMLElement {
    connectedCallback() {
      const link = document.createElement('a')
      Object.assign(link, {
        href: 'https://conversejs.org',
        target: '_blank',
        rel: 'noopener',
        textContent: 'Converse.js',
      })
      this.replaceChildren('This client is ', link, ', free software, served by your own dmucd.')
    }
  },
)

const settings = await (await fetch('/page.json')).json()
const login = await exchangeLoginLink()

window.converse.initialize({
  assets_path: '/converse',
  view_mode: 'fullscreen',
  theme: 'classic',
  authentication: 'login',
  ...(login === undefined ? {} : { auto_login: true, jid: login.jid, password: login.password }),
  default_domain: settings.domain,
  // `/?bosh` is for networks that let no WebSocket through.
  ...(settings.websocket === undefined || new URLSearchParams(location.search).has('bosh')
    ? { bosh_service_url: `${location.origin}${settings.bosh}` }
    : {
        websocket_url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${settings.websocket}`,
      }),
  discover_connection_methods: false,
  allow_registration: false,
  auto_join_rooms: settings.room === undefined ? [] : [settings.room],
  muc_domain: settings.rooms,
  muc_nickname_from_jid: true,
  muc_respect_autojoin: true,
  // Entering a room is no wish to become its member.
  auto_register_muc_nickname: false,
  show_self_in_roster: false,
  visible_toolbar_buttons: { call: false, emoji: true, location: false, spoiler: false },
  auto_reconnect: true,
  // Nothing leaves this machine: no previews of addresses in messages, no pictures from elsewhere.
  render_media: false,
  fetch_url_headers: false,
  blacklisted_plugins: ['converse-omemo', 'converse-oembed', 'converse-push'],
})

/** The secret stands in the fragment, which browsers send nowhere; it is taken out of the address before it is used. */
async function exchangeLoginLink() {
  const secret = new URLSearchParams(location.hash.slice(1)).get('login')
  if (secret === null) return undefined
  history.replaceState(null, '', location.pathname + location.search)
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ secret }),
  })
  const answer = await response.json()
  if (response.ok) return answer
  show(`${answer.error} For a new one: npm start -- --show-login`)
  return undefined
}

function show(text) {
  const notice = document.getElementById('notice')
  notice.textContent = text
  notice.hidden = false
}
