import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { PAGES, proseOf, ROOT } from '../../support/docs/pages.ts';

const TOP_FOLDERS = 'bench|cli|client|deploy|dev|docs|edge|examples|scripts|shared|test|worker-node';

/** The relative links of a page, each with its anchor, if it has one. */
function linksOf(page: string): { file: string; anchor: string | undefined }[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      return { file: file === '' ? page : path.join(path.dirname(page), file), anchor };
    });
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The paths in backticks that begin with one of the project's folders; `*` and `{a,b}` are patterns. */
function pathsOf(page: string): string[] {
  const paths = new RegExp(`^(?:${TOP_FOLDERS})/[^\\s<>…|:()"']*$`);
  return [...proseOf(page).matchAll(/`([^`\n]+)`/g)]
    .map(([, code = '']) => code)
    .filter((code) => paths.test(code));
}

describe.each(PAGES)('%s', (page) => {
  it('links only to files and headings that exist', () => {
    const broken = linksOf(page).filter(
      ({ file, anchor }) =>
        !existsSync(path.join(ROOT, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor)),
    );
    expect(broken).toEqual([]);
  });

  it('names only paths that exist', () => {
    const missing = pathsOf(page).filter((name) => globSync(name, { cwd: ROOT }).length === 0);
    expect(missing).toEqual([]);
  });
});

/** The pages that comments and messages of the code name, each with the heading in quotes after it, if there is one. */
function pagesNamedIn(file: string): { page: string; heading: string | undefined }[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  return [...text.matchAll(/\b((?:docs|deploy)\/[\w./-]+\.md)(?:, "([^"\n]+)")?/g)].map(
    ([, page = '', heading]) => ({ page, heading }),
  );
}

it('the code names only pages and headings that exist', () => {
  const files = globSync('{edge,shared,worker-node,cli,client,dev,scripts,bench,test}/**/*.ts', {
    cwd: ROOT,
  });
  const named = files.filter((file) => !/^test\/(?:unit|support)\/docs\//.test(file)).flatMap(pagesNamedIn);
  expect(named.length).toBeGreaterThan(20);
  const broken = named.filter(
    ({ page, heading }) =>
      !existsSync(path.join(ROOT, page)) ||
      (heading !== undefined && !anchorsOf(page).includes(anchorOf(heading))),
  );
  expect(broken).toEqual([]);
});

it('finds links, headings and paths in the pages', () => {
  expect(linksOf('README.md').length).toBeGreaterThan(5);
  expect(anchorsOf('docs/HTTP-API.md')).toContain('one-job-at-a-time');
  expect(pathsOf('docs/PROTOCOL.md')).toContain('deploy/nats/permissions.conf');
});

it('docs/DEPENDENCIES.md names exactly the dependencies of package.json', () => {
  const rows = [...proseOf('docs/DEPENDENCIES.md').matchAll(/^\| (`.+?) \|/gm)].map(([, cell = '']) => cell);
  const named = rows.flatMap((cell) => {
    const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    // "`@opentelemetry/core`, `resources`": the scope of the first holds for those without one.
    const scope = /^@opentelemetry\//.test(names[0] ?? '') ? '@opentelemetry/' : '';
    return names.map((name) => (name.startsWith('@') ? name : `${scope}${name}`));
  });
  const wanted = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(named.toSorted()).toEqual(wanted.toSorted());
});
