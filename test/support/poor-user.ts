// A server of its own with two users: one that may do everything, and one that may remove no message.
import type { TestContext } from "node:test";
import { connect, type Bus } from "../../index.js";
import { testServer } from "./server.js";

type User = "owner" | "poor";

export async function serverWithPoorUser(
  t: TestContext,
): Promise<(user: User) => Promise<Bus>> {
  const server = await testServer({
    extraConfig: `authorization { users: [
      { user: owner, password: pw }
      { user: poor, password: pw, permissions: {
        publish: { deny: "$JS.API.STREAM.MSG.DELETE.>" }, subscribe: ">" } }
    ] }`,
  });
  const buses: Bus[] = [];
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await server.stop();
  });
  return async (user) => {
    const url = server.url.replace("nats://", `nats://${user}:pw@`);
    const bus = await connect({ url });
    buses.push(bus);
    return bus;
  };
}
