/** This process's environment variables, for the programs started from here: the one place in dev/ that reads them. */
export function hostEnvironment(): NodeJS.ProcessEnv {
  // biome-ignore lint/style/noProcessEnv: go, apt-get, wrangler and node need PATH, HOME, proxies.
  return process.env;
}
