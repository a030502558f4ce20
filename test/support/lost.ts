// A task as workers leave it that have died over it so often: each start is on the log, and nothing of how it ended.
import type { TestContext } from "node:test";
import { Publisher } from "../../bus/streams/publisher.js";
import { Recorder } from "../../bus/tasks/recorder.js";
import { noOrigin } from "../../protocol/subjects.js";
import type { SharedServer } from "./shared-server.js";

export async function loseOften(
  shared: SharedServer,
  t: TestContext,
  { agent, taskId }: { agent: string; taskId: string },
  times: number,
): Promise<void> {
  const link = await shared.link(t);
  const recorder = new Recorder(link, new Publisher(link));
  const task = { agent, taskId, origin: noOrigin, params: undefined };
  for (let attempt = 1; attempt <= times; attempt++)
    await recorder.started(task, {
      contentType: "msgpack",
      attempt,
      sender: "dead",
      context: undefined,
    });
}
