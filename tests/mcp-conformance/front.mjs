// Stands between a client that knows nothing of authorization and the gateway: adds TOKEN to each request and passes
// everything else through as it is, to the TARGETS (addresses of the gateway, blank-separated) in turn. Prints its address.
import http from 'node:http';

const targets = process.env.TARGETS.split(' ').map((target) => new URL(target));
const authorization = `Bearer ${process.env.TOKEN}`;
let turn = 0;

http.createServer((request, response) => {
  const target = targets[turn++ % targets.length];
  const onward = http.request(target, { method: request.method, headers: { ...request.headers, authorization } }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}).listen(Number(process.env.PORT ?? 0), '127.0.0.1', function () {
  console.log(`front at http://127.0.0.1:${this.address().port}/mcp`);
});
