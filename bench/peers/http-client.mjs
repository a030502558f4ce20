// The least that posts JSON over connections that are kept alive.
import { Agent, request } from "node:http";

export function httpClient(url) {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 });
  const post = (path, body) =>
    new Promise((resolve, reject) => {
      const sent = body === undefined ? "" : JSON.stringify(body);
      const headers = {
        "content-length": Buffer.byteLength(sent),
        ...(sent && { "content-type": "application/json" }),
      };
      const options = { hostname, port, path, method: "POST", agent, headers };
      const asked = request(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => (text += chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode >= 300)
            reject(new Error(`POST ${path}: ${answer.statusCode} ${text}`));
          else resolve(text === "" ? undefined : JSON.parse(text));
        });
      });
      asked.on("error", reject);
      asked.end(sent);
    });
  return { post, close: async () => agent.destroy() };
}
