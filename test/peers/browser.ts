/** Chromium on the page: one person in a profile of their own, watched for where the page goes and what it complains of. */
import { type Browser, chromium, type Page } from 'playwright-core'

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const patienceMs = 60_000

/** A whole browser: one for each person, as on two machines. */
export const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })

export class Visitor {
  readonly page: Page
  /** Every URL that the page asked for, WebSockets too; without fragments. */
  readonly requests: string[] = []
  /** Uncaught errors, and what the console says of the content security policy. */
  readonly complaints: string[] = []

  private constructor(page: Page) {
    this.page = page
    page.setDefaultTimeout(patienceMs)
    page.on('request', (request) => this.requests.push(request.url().replace(/#.*/, '')))
    page.on('websocket', (socket) => this.requests.push(socket.url()))
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('requestfailed', (request) =>
      this.complaints.push(`${request.url()}: ${request.failure()?.errorText ?? 'failed'}`),
    )
    page.on('console', (message) => {
      if (/content.security.policy|refused to|violates/i.test(message.text())) this.complaints.push(message.text())
    })
  }

  /** Opens an address in a browser without any history. */
  static async opens(browser: Browser, address: string): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: 'en-GB' })
    const visitor = new Visitor(await context.newPage())
    await visitor.page.goto(address)
    return visitor
  }

  /** Resolves when this room is open and takes messages. */
  async lands(room: string): Promise<void> {
    await this.page.getByText(room, { exact: true }).first().waitFor()
    await this.page.locator('textarea.chat-textarea').waitFor()
  }

  /** Enters a room by its address, by Converse's own dialogue; resolves when it is open. */
  async enters(room: string): Promise<void> {
    const list = this.page.locator('converse-rooms-list')
    await list.locator('converse-dropdown button').first().click()
    await list.locator('.show-add-muc-modal').click()
    const dialog = this.page.locator('.modal.show')
    await dialog.locator('input[name=chatroom]').fill(room)
    await dialog.locator('input[type=submit]').click()
    await this.page.locator('textarea.chat-textarea').waitFor()
  }

  /** Opens a conversation with somebody who may not be a contact yet: the address that leads to it, then the list of contacts. */
  async meets(jid: string): Promise<void> {
    await this.page.evaluate(`location.hash = '#converse/chat?jid=${jid}'`)
    await this.opensChat(jid)
  }

  /** Opens a conversation that stands in the list of contacts. */
  async opensChat(jid: string): Promise<void> {
    await this.page.locator('converse-roster').getByText(jid).first().click()
    await this.page.locator('converse-chat-heading').getByText(jid).first().waitFor()
  }

  async says(text: string): Promise<void> {
    const box = this.page.locator('textarea.chat-textarea')
    await box.fill(text)
    await box.press('Enter')
  }

  /** Resolves when a message with this text stands in the chat; the first of a series by `author` bears that name. */
  async hears(text: string, author = ''): Promise<void> {
    await this.page.locator('converse-chat-message', { hasText: text }).filter({ hasText: author }).first().waitFor()
  }

  /** Resolves when this text is somewhere on the page. */
  async shows(text: string): Promise<void> {
    await this.page.getByText(text).first().waitFor()
  }

  /** Resolves when somebody with this nickname is in the list of occupants. */
  async sits(nick: string): Promise<void> {
    await this.page.locator('converse-muc-sidebar').getByText(nick, { exact: true }).first().waitFor()
  }

  /** The texts of the messages, from top to bottom. */
  async reads(): Promise<readonly string[]> {
    const texts = await this.page.locator('.chat-msg__text').allInnerTexts()
    return texts.map((text) => text.trim())
  }

  /** The nicknames in the list of occupants. */
  async occupants(): Promise<readonly string[]> {
    const nicks = await this.page.locator('converse-muc-sidebar .occupant-nick').allInnerTexts()
    return nicks.map((nick) => nick.trim())
  }

  /** Resolves once no message has this text. */
  async misses(text: string): Promise<void> {
    await this.page.locator('.chat-msg__text', { hasText: text }).waitFor({ state: 'detached' })
  }

  /** By the menu of the message, one's own or as a moderator. */
  async retracts(text: string, reason = ''): Promise<void> {
    const message = this.page.locator('converse-chat-message', { hasText: text })
    await message.hover()
    await message.locator('converse-message-actions button.dropdown-toggle').click()
    await message.locator('.chat-msg__action-retract').click()
    const dialog = this.page.locator('.modal.show')
    if (reason !== '') await dialog.locator('input[name=reason]').fill(reason)
    await dialog.locator('button[type=submit]').click()
    await this.misses(text)
  }

  /** Where requests went. */
  get hosts(): readonly string[] {
    return [...new Set(this.requests.filter((url) => !/^(data|blob):/.test(url)).map((url) => new URL(url).hostname))]
  }
}
