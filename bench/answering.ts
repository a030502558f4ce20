// A child's side of bench/role.ts: it answers what its parent asks, and ends with it. Its arguments are its role, its
// module's URL, and the scene as JSON.
import type { Answers, FromChild, Questions, ToChild } from "./dialogue.js";

interface Opening<Module, Scene> {
  role: string;
  module: Module;
  scene: Scene;
}

export function answerParent<Of extends Questions<Of>, Module, Scene>(
  open: (opening: Opening<Module, Scene>) => Promise<Answers<Of>>,
): void {
  process.once("disconnect", () =>
    setTimeout(() => process.exit(), 1000).unref(),
  );
  // Whoever waits for an answer hears of it at once; a worker's failure is also on the screen.
  process.on("unhandledRejection", (error) => {
    console.error(error);
    fail(error);
  });
  begin(open).catch(fail);
}

async function begin<Of extends Questions<Of>, Module, Scene>(
  open: (opening: Opening<Module, Scene>) => Promise<Answers<Of>>,
): Promise<void> {
  const [role, moduleUrl, scene] = process.argv.slice(2) as [
    string,
    string,
    string,
  ];
  const answers = await open({
    role,
    module: (await import(moduleUrl)) as Module,
    scene: JSON.parse(scene) as Scene,
  });
  process.on("message", (message) => {
    answer(role, answers, message as ToChild).catch(fail);
  });
  tell({ kind: "ready" });
}

async function answer(
  role: string,
  answers: object,
  { question, asked }: ToChild,
): Promise<void> {
  const reply = (
    answers as Record<string, ((asked: unknown) => unknown) | undefined>
  )[question];
  if (!reply) throw new Error(`A ${role} is not asked for "${question}"`);
  tell({ kind: "answer", answered: await reply(asked) });
  if (question === "close") process.disconnect();
}

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

function fail(error: unknown): void {
  const reason =
    error instanceof Error ? (error.stack ?? error.message) : String(error);
  tell({ kind: "failed", reason });
}
