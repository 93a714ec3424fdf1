import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProject, nextSteps } from '../../../create/project.ts';
import { PYTHON_LIBRARY } from '../../../create/python.ts';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { scratchFolder } from '../../support/cleanup.ts';

const REFERENCE = path.join(import.meta.dirname, '../../../examples/python');

async function pythonProject(): Promise<{ folder: string; files: readonly string[]; steps: string }> {
  const project = await createProject(path.join(await scratchFolder(), 'my-jobs'), { worker: 'python' });
  return { ...project, steps: nextSteps(project) };
}

const hasPython = await runCommand('python3', ['--version'], options('.')).then(
  () => true,
  () => false,
);

function options(cwd: string) {
  return { cwd, environment: hostEnvironment(), timeoutMs: 180_000 };
}

describe('a project with a worker in Python', () => {
  it('has all that a project has, and the worker with its README, requirements and test', async () => {
    const { folder, files, steps } = await pythonProject();
    const plain = await createProject(path.join(await scratchFolder(), 'my-jobs'));
    expect(files).toEqual(expect.arrayContaining([...plain.files]));
    const more = files.filter((file) => !plain.files.includes(file));
    const own = ['README.md', 'operations.py', 'requirements.txt', 'test_operations.py'];
    expect(more).toEqual([...own, ...PYTHON_LIBRARY].map((file) => `python/${file}`).sort());
    const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const readme = await readFile(path.join(folder, 'python/README.md'), 'utf8');
    for (const script of ['python', 'python:install', 'python:test']) {
      expect(manifest.scripts).toHaveProperty(script);
      expect(readme).toContain(`npm run ${script}`);
    }
    expect(steps).toContain('npm run python');
    expect(await readFile(path.join(folder, 'README.md'), 'utf8')).toContain('| `python/` |');
  });

  it('has no file less than the reference worker, but its operations and its producer', async () => {
    const others = ['conformance.py', 'operations.py', 'producer.py'];
    const modules = (await readdir(REFERENCE)).filter((file) => file.endsWith('.py'));
    expect(modules.filter((file) => !others.includes(file)).sort()).toEqual([...PYTHON_LIBRARY].sort());
  });

  it.skipIf(!hasPython)('passes its own tests without a server and without a package', async () => {
    const { folder } = await pythonProject();
    const tests = 'python3 -B -m unittest 2>&1';
    expect(await runCommand('sh', ['-c', tests], options(path.join(folder, 'python')))).toMatch(
      /^Ran 2 tests in .*\n\nOK$/m,
    );
  });
});
