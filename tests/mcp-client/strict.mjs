// The official client of the older revisions, which reads a list of tools as a whole, against GATEWAY with TOKEN.
// Prints on its last line the tools it was told, the reasons for those it was not, and what the first of them answered.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const client = new Client({ name: 'strict', version: '1' });
await client.connect(new StreamableHTTPClientTransport(new URL(process.env.GATEWAY), { requestInit: { headers: { Authorization: `Bearer ${process.env.TOKEN}` } } }));
const { tools, _meta } = await client.listTools();
const { content } = await client.callTool({ name: tools[0].name });
await client.close();
console.log(JSON.stringify({ tools: tools.map(({ name }) => name), missing: _meta['kontext/unavailable'].map(({ reason }) => reason), text: content[0].text }));
