import { toBase64 } from '../../../shared/bytes.ts';

/** The CSS of the documentation page. The colours follow the reader's choice of a light or a dark theme. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--text:light-dark(#1b2430,#dfe6ee);--dim:light-dark(#566373,#9aa8b8);--page:light-dark(#fff,#11161d);--card:light-dark(#f5f7fa,#19212b);--line:light-dark(#d9e0e8,#2c3744);--link:light-dark(#0b5cad,#7cc0ff)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.55 system-ui,sans-serif}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99em}.skip:focus{left:1em;top:1em}
.layout{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:78rem;margin:0 auto}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:2rem 1rem 2rem 1.5rem;font-size:.9rem}
nav ul{list-style:none;margin:0 0 1rem;padding:0}nav li{margin:.3rem 0}nav a{text-decoration:none}nav a:hover{text-decoration:underline}
nav h2{font-size:.78rem;text-transform:uppercase;letter-spacing:.06em;color:var(--dim);border:0;margin:0 0 .3rem;padding:0}
main{padding:2rem 1.5rem 6rem}
h1{font-size:2rem;margin:0}h2{margin:3.5rem 0 1rem;padding-top:1rem;border-top:1px solid var(--line)}h3{margin:0;font-size:1.1rem}h4{margin:1.2rem 0 .4rem;font-size:.9rem;color:var(--dim)}
article{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1.1rem 1.3rem;margin:1rem 0;scroll-margin-top:1rem}
article:target{border-color:var(--link)}
code,pre{font:.88em/1.5 ui-monospace,Menlo,Consolas,monospace}
pre{overflow:auto;margin:.4rem 0;padding:.8rem 1rem;background:var(--page);border:1px solid var(--line);border-radius:.4rem}
.method{display:inline-block;min-width:4.4em;text-align:center;border-radius:.3rem;padding:.1em .5em;font:700 .8rem/1.5 ui-monospace,monospace;color:#fff;background:#1f6b43}
.get{background:#0b5cad}.delete{background:#a3312a}
.path{font-size:1rem;font-weight:600;overflow-wrap:anywhere}
.dim{color:var(--dim);font-size:.9rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-top:1px solid var(--line)}
th{font-weight:600;white-space:nowrap;width:1%}.codes{margin:0;font:.85rem/1.9 ui-monospace,monospace}
summary{cursor:pointer}
@media(max-width:50rem){.layout{display:block}nav{position:static;max-height:none;padding-bottom:0}}
`.trim();

/** Returns the Content-Security-Policy of the documentation page (CSP Level 3). Only {@link PAGE_STYLE} is allowed. */
export async function pagePolicy(): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(PAGE_STYLE));
  const hash = toBase64(new Uint8Array(digest));
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
