/** The CPU time of this thread in milliseconds. Unlike the clock, it does not grow while other processes have the CPU. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
