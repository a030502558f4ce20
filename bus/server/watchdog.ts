// The shell process that stands between a server and the processes that use it.
// - W1 Its standard input is the reading end of the FIFO "hold" in the run directory. Whoever uses
//   the server keeps the FIFO open for writing, and the kernel closes it for who is killed -9.
//   When nobody holds it any more, the loop ends, and the server is told to end.
// - W2 A user is in when its line was read: the loop makes the file users/<line>. After the loop
//   nobody gets in, so nobody is given a server that is about to end.
// - W3 It leads a session of its own: Ctrl-C in the terminal reaches neither it nor the server.
import { execFile, spawn } from "node:child_process";
import { constants, closeSync, openSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TroupeError } from "../../protocol/errors.js";

const run = promisify(execFile);

// $1 the binary, $2 its configuration, $3 the run directory. Only builtins, mv, sleep and the server.
const script = `
exec 3<&0 </dev/null
"$1" -c "$2" 3<&- &
server=$!
(
  while read -r user; do
    [ -z "$user" ] || { true >"$3/users/$user"; } 2>/dev/null
  done <&3
  exec 3<&-
  kill -TERM "$server" && sleep 10 && kill -KILL "$server"
) 2>/dev/null &
reader=$!
exec 3<&-
trap '' INT HUP
trap 'kill -TERM "$server" 2>/dev/null' TERM
echo "$server $reader $$" >"$3/pids.new" && mv "$3/pids.new" "$3/pids"
while kill -0 "$server" 2>/dev/null; do wait "$server"; done
trap '' TERM
kill -TERM 0
`;

export const holdPath = (runDirectory: string): string =>
  join(runDirectory, "hold");

/** Makes the FIFO, in place of one that is there. */
export async function createHold(runDirectory: string): Promise<void> {
  const path = holdPath(runDirectory);
  try {
    await rm(path, { force: true });
    await run("mkfifo", ["-m", "600", path]);
  } catch (cause) {
    throw new TroupeError(
      "SERVER_FAILED",
      `cannot make the FIFO "${path}"; use a directory on a local file system, or set $NATS_URL to a server that runs`,
      { cause },
    );
  }
}

/** Starts it, and answers the FIFO held open by a first writer: there is no moment at which the server is unwatched. */
export async function startWatchdog(options: {
  binary: string;
  configuration: string;
  runDirectory: string;
  logPath: string;
}): Promise<number> {
  await mkdir(join(options.runDirectory, "users"), { recursive: true });
  const path = holdPath(options.runDirectory);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const hold = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const log = openSync(options.logPath, "a", 0o600);
  try {
    // libuv makes a child's standard input blocking, which the shell's read needs.
    const child = spawn(
      "sh",
      [
        "-c",
        script,
        "troupe-watchdog",
        options.binary,
        options.configuration,
        options.runDirectory,
      ],
      { cwd: "/", detached: true, stdio: [reading, log, log] },
    );
    child.unref();
    // Without a shell nobody reads the FIFO, and that is what the caller finds.
    child.once("error", () => undefined);
    return hold;
  } finally {
    closeSync(reading);
    closeSync(log);
  }
}
