// A message that came again after it was handled: its machine's own actions may not have run. They are found by taking
// the same step once more, from the state before it.
import type { ActorDefinition } from "../../actors/durable/actor-definition.js";
import type { Handled } from "../../actors/durable/record.js";
import type { OwnAction } from "../../actors/durable/stage.js";
import { step } from "../../actors/durable/step.js";
import type { Link } from "../../bus/connection/connection.js";
import { messageOf } from "../../protocol/errors.js";
import type { ContextMessages, ContextTask } from "./context-messages.js";

export async function actionsAgain(
  definition: ActorDefinition,
  link: Link,
  messages: ContextMessages,
  task: ContextTask,
  { before }: Handled,
): Promise<OwnAction[]> {
  if (!before) return [];
  const { id, context } = task;
  try {
    const message = await messages.read(task, task.input);
    if (message === "resume") return [];
    const from = before === "start" ? undefined : before;
    const cause = { context: context!, task: id, now: link.clock.now() };
    return step(definition, from, message, cause).actions;
  } catch (error) {
    link.log.warn(
      { task: id, context, error: messageOf(error) },
      "the actions of an event that was handled before could not be run again",
    );
    return [];
  }
}
