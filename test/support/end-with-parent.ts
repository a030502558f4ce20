// For processes that a test starts: when the test's own process dies, its end of this pipe closes.
process.stdin.on("close", () => process.exit()).resume();
