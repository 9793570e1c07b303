// Verifies messages with the public library of the Standard Webhooks specification.
// SECRET: whsec_...; MESSAGES: [{ "headers": { ... }, "body": "..." }]. The last line is "verified N", or the program fails.
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.SECRET);
const messages = JSON.parse(process.env.MESSAGES);
for (const { headers, body } of messages) webhook.verify(body, headers);
console.log(`verified ${messages.length}`);
