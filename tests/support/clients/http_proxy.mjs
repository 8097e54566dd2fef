// npm's http-proxy as its users write it: node http_proxy.mjs PORT BEHIND
import httpProxy from 'http-proxy';

const [port, behind] = process.argv.slice(2);
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${behind}` });
proxy.on('error', (error, request, response) => {
  if (response.headersSent) return response.destroy();
  response.writeHead(502, { 'Content-Type': 'text/plain' }).end('Bad gateway');
});
proxy.listen(Number(port), '127.0.0.1');
