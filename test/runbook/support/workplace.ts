import { needPrograms, prepare, runShell, type Toolbox } from '../../generators/toolbox.ts';
import { scratchFolder } from '../../support/cleanup.ts';

/** The reference implementation of Compose files. */
export const COMPOSE: Toolbox = { generator: 'compose-go', needs: ['go'] };
/** A checker of GitHub's workflows. */
export const ACTIONLINT: Toolbox = { generator: 'actionlint', needs: ['go'] };

/** Makes a folder with the pinned programs, and a way to run commands there. In CI they must be there; else the test is skipped. */
export async function workplace(toolbox: Toolbox, skip: (note: string) => never) {
  await needPrograms(toolbox, skip);
  const folder = await scratchFolder();
  const environment = await prepare(toolbox, folder);
  return { folder, run: (commands: string) => runShell(commands, folder, environment) };
}
