// Makes the calls that stand on standard input and says what came back and what the SDK had to say.
import { readFileSync } from 'node:fs'
import { PostHog } from 'posthog-node'

const { token, host, options, calls } = JSON.parse(readFileSync(0, 'utf8'))
const complaints = []
const complain = (...parts) => {
  const text = parts.map(String).join(' ')
  if (!text.includes('is deprecated')) complaints.push(text) // That is about the caller, not about the server.
}
Object.assign(console, { log() {}, info() {}, debug() {}, warn: complain, error: complain })
process.on('warning', complain)

const client = new PostHog(token, { host, ...options })
client.debug() // Without it the SDK keeps its warnings to itself.
client.on('error', complain)

const answers = []
let last
for (const [method, ...parameters] of calls) {
  // ".name" is a method of what the call before answered.
  last = method.startsWith('.') ? last[method.slice(1)](...parameters) : await client[method](...parameters)
  answers.push(last ?? null)
}
await client.shutdown()
process.stdout.write(JSON.stringify({ answers, complaints }))
