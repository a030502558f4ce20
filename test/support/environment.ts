// Environment variables for the time of one call; undefined takes one away.
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string | undefined>>,
  work: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(variables).map(
    (name) => [name, process.env[name]] as const,
  );
  set(Object.entries(variables));
  try {
    return await work();
  } finally {
    set(before);
  }
}

function set(pairs: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of pairs)
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
}
