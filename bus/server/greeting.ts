// What a nats-server says of itself to whoever connects, before any authorization.
import { connect } from "node:net";

const timeoutMs = 2000;

interface Greeting {
  readonly version: string;
  readonly jetstream?: boolean;
}

/** What a nats-server says to whoever connects. It listens only after JetStream has its streams back. */
export function greetingOf(port: number): Promise<Greeting | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    const finish = (greeting: Greeting | undefined) => {
      socket.destroy();
      resolve(greeting);
    };
    socket.setTimeout(timeoutMs, () => finish(undefined));
    socket.once("error", () => finish(undefined));
    socket.once("close", () => finish(undefined));
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.includes("\r\n")) finish(parseGreeting(text));
    });
  });
}

function parseGreeting(text: string): Greeting | undefined {
  try {
    return JSON.parse(/^INFO (\{.*\})/.exec(text)?.[1] ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}
