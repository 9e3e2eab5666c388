/** The page of an invitation: asks what it is for, and makes the account. The token is in the fragment, which browsers send nowhere. */
const token = location.hash.slice(1)
const element = (id) => document.getElementById(id)

async function ask(what, fields) {
  const response = await fetch(what, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token, ...fields }),
  })
  return { ok: response.ok, ...(await response.json()) }
}

function complain(text) {
  element('notice').textContent = text
  element('notice').hidden = text === ''
}

const invitation = await ask('look', {})
if (invitation.ok) {
  const { domain, name, contact, uri } = invitation
  element('who').textContent =
    contact === undefined ? `to make an account at ${domain}.` : `by ${contact}, who becomes your contact.`
  element('open').href = uri
  element('domain').textContent = `@${domain}`
  if (name !== undefined) {
    element('name').value = name
    element('name').readOnly = true
  }
  element('invitation').hidden = false
} else complain(invitation.error)

element('register').addEventListener('submit', async (event) => {
  event.preventDefault()
  complain('')
  const made = await ask('register', { name: element('name').value, password: element('password').value })
  if (!made.ok) {
    complain(made.error)
    return
  }
  element('jid').textContent = made.jid
  element('invitation').hidden = true
  element('done').hidden = false
})
